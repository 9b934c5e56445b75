#include "publish/adopt.h"

#include "base/text.h"
#include "io/fs/fs.h"
#include "staging/record_write.h"

/* What is put into the staging of a run, as if another one had made it. */
struct other {
    struct record_draft draft;
    struct fs_dir dir, tree;
    struct strbuf made; /* its name in the staging */
};

static int other_open(struct other *other, const struct run *run,
                      const struct existing *existing, const char *identity,
                      struct err *err)
{
    const struct fs_dir *staging = &run->staging.dir;

    *other = (struct other){ .draft = record_draft(run, existing->file, identity) };
    if (fs_private_dir(staging, ".", "run-", &other->made, err) < 0 ||
        fs_dir_open(&other->dir, staging, other->made.data, err) < 0)
        return -1;
    other->draft.dir = &other->dir;
    other->draft.source.name = other->made.data;
    other->draft.source.tree = &other->tree;
    return 0;
}

static void other_close(struct other *other, const struct run *run)
{
    fs_dir_close(&other->tree);
    fs_dir_close(&other->dir);
    if (other->made.data)
        fs_remove_tree(&run->staging.dir, other->made.data, NULL);
    strbuf_release(&other->made);
}

/* As one; or into a record that is there, the list last, which is what counts. */
static int put_inside(const struct fs_dir *tree, const struct fs_dir *dest,
                      const char *place, struct err *err)
{
    static const char *const files[] = { MANIFEST_SUMS, MANIFEST_NAME };
    char name[FS_NAME];

    if (!fs_is_there(dest, place))
        return fs_rename(tree, place, dest, place, FS_RENAME_ABSENT, err);
    for (size_t i = 0; i < countof(files); i++) {
        fs_format(name, "%s/%s", place, files[i]);
        if (fs_rename(tree, name, dest, name, FS_RENAME_REPLACE, err) < 0)
            return -1;
    }
    return 0;
}

/* In a tree that has nothing else, and then moved: at no moment has DEST a part of it. */
static int write_inside(struct other *other, const struct fs_dir *dest, struct err *err)
{
    bool hub = other->draft.place == RECORD_HUB;
    const char *place = hub ? RECORD_HUB_NAME : RECORD_INSIDE_NAME;
    char content_id[65];

    if (fs_mkdir(&other->dir, "tree", 0777, err) < 0)
        return -1;
    fs_traits_inherit(dest, ".", &other->dir, "tree");
    if (fs_dir_below(&other->tree, &other->dir, "tree", err) < 0 ||
        record_write(&other->draft, content_id, err) < 0 ||
        (hub && fs_mkdirs(dest, ".cache/huggingface", err) < 0) ||
        put_inside(&other->tree, dest, place, err) < 0)
        return -1;
    return other->draft.source.run->opt.sync ? fs_sync_path(dest, place, err) : 0;
}

static int write_beside(struct other *other, const struct fs_dir *dest, struct err *err)
{
    struct record_draft *draft = &other->draft;
    char content_id[65];

    draft->source.tree = dest;
    if (record_write(draft, content_id, err) < 0)
        return -1;
    record_show(draft);
    return draft->place == RECORD_BESIDE && !record_is_written(draft)
               ? err_set(err, ERR_DEST, "it cannot be put beside it")
               : 0;
}

int adopt_record(const struct run *run, const struct fs_dir *dest,
                 const struct existing *existing, const char *identity, bool found,
                 struct err *err)
{
    enum record_place place = record_place_of(run);
    struct other other;
    int rc = other_open(&other, run, existing, identity, err);

    other.draft.source.found = found;
    if (rc == 0)
        rc = place == RECORD_HUB || place == RECORD_INSIDE
                 ? write_inside(&other, dest, err)
                 : write_beside(&other, dest, err);
    other_close(&other, run);
    return rc;
}

void adopt_replaced(const struct run *run, const char *tree,
                    const struct existing *existing, const char *identity)
{
    bool hub = *plan_text(&run->plan, run->plan.repo) != '\0';
    struct other other;
    char content_id[65];

    if (other_open(&other, run, existing, identity, NULL) == 0 &&
        fs_dir_open(&other.tree, &run->staging.dir, tree, NULL) == 0) {
        other.draft.source.found = true;
        other.draft.place = hub ? RECORD_HUB : RECORD_INSIDE;
        record_write(&other.draft, content_id, NULL);
    }
    other_close(&other, run);
}
