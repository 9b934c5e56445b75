#include "publish/adopt.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "io/sha256.h"
#include "staging/record_write.h"

/* What is there of a plan, as a plan. */
struct part {
    struct plan plan;
    struct existing_file *file;
    char identity[65];
};

static int add_file(struct part *part, const struct plan *plan, size_t i, struct err *err)
{
    const struct plan_file *file = &plan->files[i];
    const struct plan_entry entry = { .path = plan_path(plan, i),
                                      .key = plan_text(plan, file->key),
                                      .etag = plan_text(plan, file->etag),
                                      .oid = plan_text(plan, file->oid),
                                      .xet = plan_text(plan, file->xet),
                                      .flags = file->flags,
                                      .size = file->size,
                                      .want = file->want };

    return plan_add(&part->plan, &entry, err);
}

static int add_head(struct part *part, const struct plan *plan, struct err *err)
{
    struct plan *to = &part->plan;

    to->bare = plan->bare;
    if (plan_set(to, &to->source, plan_text(plan, plan->source), err) < 0 ||
        plan_set(to, &to->revision, plan_text(plan, plan->revision), err) < 0 ||
        plan_set(to, &to->ref, plan_text(plan, plan->ref), err) < 0 ||
        plan_set(to, &to->base, plan_text(plan, plan->base), err) < 0)
        return -1;
    return plan_set(to, &to->repo, plan_text(plan, plan->repo), err);
}

static int identify(struct part *part, struct err *err)
{
    struct strbuf text = { 0 };
    uint8_t digest[32];
    int rc = plan_identity(&part->plan, &text, err);

    if (rc == 0) {
        sha256_bytes(text.data ? text.data : "", text.len, digest);
        text_hex(part->identity, digest, sizeof(digest));
    }
    strbuf_release(&text);
    return rc;
}

/* The plan is sorted, so its part is. */
static int take_part(struct part *part, const struct plan *plan,
                     const struct existing *existing, struct err *err)
{
    size_t count = 0;

    part->file = calloc(existing->files + 1, sizeof(*part->file));
    if (!part->file)
        return err_memory(err, "the list of files");
    if (add_head(part, plan, err) < 0)
        return -1;
    for (size_t i = 0; i < plan->nfiles; i++) {
        if (!existing->file[i].there)
            continue;
        part->file[count++] = existing->file[i];
        if (add_file(part, plan, i, err) < 0)
            return -1;
    }
    return plan_seal(&part->plan, err) < 0 ? -1 : identify(part, err);
}

/* As if a run of another name had just built DEST in a staging of its own. */
static int write_record(const struct run *run, const struct fs_dir *tree,
                        const struct part *part, struct err *err)
{
    struct run other = *run;
    struct strbuf made = { 0 };
    char path[FS_NAME], content_id[65];
    int rc = -1;

    other.plan = part->plan;
    other.staging.dir = (struct fs_dir){ 0 };
    other.staging.tree = *tree;
    if (fs_private_dir(&run->staging.dir, ".", "run-", &made, err) == 0 &&
        fs_dir_open(&other.staging.dir, &run->staging.dir, made.data, err) == 0) {
        fs_format(path, "%s/%s", run->staging.path, made.data);
        other.staging.path = path;
        rc = record_write(&other, part->file, part->identity, content_id, err);
        if (rc == 0)
            record_show(&other);
    }
    fs_dir_close(&other.staging.dir);
    if (made.data)
        fs_remove_tree(&run->staging.dir, made.data, NULL);
    strbuf_release(&made);
    return rc;
}

int adopt_record(const struct run *run, const struct fs_dir *tree,
                 const struct existing *existing, const char *identity, struct err *err)
{
    struct part part = { 0 };
    int rc = take_part(&part, &run->plan, existing, err);

    if (rc == 0 && existing->files == run->plan.nfiles)
        memcpy(part.identity, identity, sizeof(part.identity));
    if (rc == 0)
        rc = write_record(run, tree, &part, err);
    plan_release(&part.plan);
    free(part.file);
    return rc;
}
