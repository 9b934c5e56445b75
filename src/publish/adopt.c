#include "publish/adopt.h"

#include "base/text.h"
#include "io/fs/fs.h"
#include "staging/record_write.h"

/* A run of another name, which seems to have built a tree of its own. */
struct other {
    struct run run;
    struct strbuf made; /* its name in the staging of this run */
    char path[FS_NAME];
};

static int other_open(struct other *other, const struct run *run, bool found,
                      struct err *err)
{
    *other = (struct other){ .run = *run };
    other->run.staging.dir = other->run.staging.tree = (struct fs_dir){ 0 };
    other->run.staging.found = found;
    if (fs_private_dir(&run->staging.dir, ".", "run-", &other->made, err) < 0 ||
        fs_dir_open(&other->run.staging.dir, &run->staging.dir, other->made.data, err) <
            0)
        return -1;
    fs_format(other->path, "%s/%s", run->staging.path, other->made.data);
    other->run.staging.path = other->path;
    return 0;
}

static void other_close(struct other *other, const struct run *run)
{
    fs_dir_close(&other->run.staging.tree);
    fs_dir_close(&other->run.staging.dir);
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
static int write_inside(struct other *other, const struct existing *existing,
                        const struct fs_dir *dest, const char *identity, struct err *err)
{
    struct run_staging *staging = &other->run.staging;
    bool hub = record_place_of(&other->run) == RECORD_HUB;
    const char *place = hub ? RECORD_HUB_NAME : RECORD_INSIDE_NAME;
    char content_id[65];

    if (fs_mkdir(&staging->dir, "tree", 0777, err) < 0)
        return -1;
    fs_traits_inherit(dest, ".", &staging->dir, "tree");
    if (fs_dir_below(&staging->tree, &staging->dir, "tree", err) < 0 ||
        record_write(&other->run, existing->file, identity, content_id, err) < 0 ||
        (hub && fs_mkdirs(dest, ".cache/huggingface", err) < 0) ||
        put_inside(&staging->tree, dest, place, err) < 0)
        return -1;
    return other->run.opt.sync ? fs_sync_path(dest, place, err) : 0;
}

static int write_beside(struct other *other, const struct existing *existing,
                        const struct fs_dir *dest, const char *identity, struct err *err)
{
    struct run *run = &other->run;
    char content_id[65];
    int rc;

    run->staging.tree = *dest;
    rc = record_write(run, existing->file, identity, content_id, err);
    if (rc == 0)
        record_show(run);
    run->staging.tree = (struct fs_dir){ 0 };
    return rc;
}

int adopt_record(const struct run *run, const struct fs_dir *dest,
                 const struct existing *existing, const char *identity, bool found,
                 struct err *err)
{
    struct other other;
    enum record_place place = record_place_of(run);
    bool inside = place == RECORD_HUB || place == RECORD_INSIDE;
    int rc = other_open(&other, run, found, err);

    if (rc == 0)
        rc = inside ? write_inside(&other, existing, dest, identity, err)
                    : write_beside(&other, existing, dest, identity, err);
    if (rc == 0 && place == RECORD_BESIDE && !record_is_written(&other.run))
        rc = err_set(err, ERR_DEST, "it cannot be put beside it");
    other_close(&other, run);
    return rc;
}

void adopt_replaced(const struct run *run, const char *tree,
                    const struct existing *existing, const char *identity)
{
    struct other other;
    char content_id[65];

    if (other_open(&other, run, true, NULL) == 0 &&
        fs_dir_open(&other.run.staging.tree, &run->staging.dir, tree, NULL) == 0) {
        other.run.opt.records = RUN_RECORDS_INSIDE;
        record_write(&other.run, existing->file, identity, content_id, NULL);
    }
    other_close(&other, run);
}
