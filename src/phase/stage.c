#include "phase/stage.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/fs.h"
#include "io/sha256.h"
#include "phase/custody.h"
#include "phase/hubmeta.h"
#include "phase/resume.h"
#include "phase/staging.h"
#include "phase/strangers.h"
#include "phase/versions.h"

enum { STAGE_POLL = 1000 }; /* files between two looks for signals */

static int stop_at_first(void *arg, const char *name, struct err *err)
{
    (void)name;
    (void)err;
    *(bool *)arg = false;
    return -1;
}

static int look_at_directory(struct stage *stage, struct err *err)
{
    const char *dest = stage->run->opt.dest;
    bool empty = true;

    if (record_load(&stage->record, dest, NULL) == 0) {
        stage->dest = LAYOUT_OURS;
        return 0;
    }
    if (fs_list(dest, stop_at_first, &empty, err) < 0 && empty)
        return -1;
    stage->dest = empty ? LAYOUT_EMPTY : LAYOUT_FOREIGN;
    return 0;
}

static int look_at_link(struct stage *stage, struct err *err)
{
    const char *dest = stage->run->opt.dest;
    struct strbuf target = { 0 };

    if (fs_readlink(dest, &target, err) < 0)
        return -1;
    stage->dest = layout_is_version(dest, target.data ? target.data : "")
                      ? LAYOUT_VERSIONED
                      : LAYOUT_FOREIGN;
    strbuf_release(&target);
    /* A version whose manifest is gone is replaced whole, as if nothing were there. */
    if (stage->dest == LAYOUT_VERSIONED)
        record_load(&stage->record, dest, NULL);
    return 0;
}

static int classify(struct stage *stage, struct err *err)
{
    struct fs_info info;

    if (fs_look(stage->run->opt.dest, &info, err) < 0)
        return -1;
    stage->dest = info.kind == FS_MISSING ? LAYOUT_MISSING : LAYOUT_FOREIGN;
    if (info.kind == FS_DIRECTORY)
        return look_at_directory(stage, err);
    if (info.kind == FS_SYMLINK)
        return look_at_link(stage, err);
    return 0;
}

static int identify(struct stage *stage, struct err *err)
{
    struct strbuf text = { 0 };
    uint8_t digest[32];
    int rc = plan_identity(&stage->run->plan, &text, err);

    if (rc == 0) {
        sha256_bytes(text.data ? text.data : "", text.len, digest);
        text_hex(stage->identity, digest, sizeof(digest));
    }
    strbuf_release(&text);
    return rc;
}

/* The Hub library takes a record for good only if the file is not younger: linked files
 * keep their time, so the run must not be older than any of them, whatever its clock
 * says. */
static void keep_up(struct run *run, int64_t mtime_ns)
{
    if (run->stamp < mtime_ns / 1000000000 + 1 && run->stamp * 1000000000 < mtime_ns)
        run->stamp = mtime_ns / 1000000000 + 1;
}

static int find_unchanged(struct stage *stage, struct err *err)
{
    struct run *run = stage->run;
    const struct plan *plan = &run->plan;

    for (size_t i = 0; i < plan->nfiles; i++) {
        const struct record_file *old = record_find(&stage->record, plan_path(plan, i));
        struct known *known = &stage->have.known[i];

        if (i % STAGE_POLL == 0 && agree_poll(run, err) < 0)
            return -1;
        if (!record_same(old, plan, i, run->opt.dest, &known->inode))
            continue;
        known->there = true;
        known->mtime_ns = old->mtime_ns;
        keep_up(run, old->mtime_ns);
        memcpy(known->sha256, old->sha256, 32);
        stage->have.files++;
        stage->have.bytes += plan->files[i].size;
    }
    stage->have.unchanged = stage->have.files == plan->nfiles &&
                            stage->record.nfiles == plan->nfiles &&
                            strcmp(stage->identity, stage->record.identity) == 0;
    return 0;
}

/* Both lists are sorted by path. */
static void count_dropped(struct stage *stage)
{
    const struct plan *plan = &stage->run->plan;
    size_t i = 0;

    for (size_t k = 0; k < stage->record.nfiles; k++) {
        const char *old = stage->record.file[k].path;

        while (i < plan->nfiles && strcmp(plan_path(plan, i), old) < 0)
            i++;
        if (i == plan->nfiles || strcmp(plan_path(plan, i), old) != 0)
            stage->have.dropped++;
    }
}

int stage_look(struct stage *stage, struct run *run, struct err *err)
{
    *stage = (struct stage){ .run = run };
    stage->have.known = calloc(run->plan.nfiles + 1, sizeof(*stage->have.known));
    if (!stage->have.known)
        return err_memory(err, "the list of files");
    if (identify(stage, err) < 0 || (run->opt.dest && classify(stage, err) < 0))
        return -1;
    if (!run->opt.dest)
        return 0;
    if (find_unchanged(stage, err) < 0)
        return -1;
    count_dropped(stage);
    if (!stage->have.unchanged &&
        strangers_refuse(run, &stage->record, run->opt.dest, err) < 0)
        return -1;
    if (stage->dest == LAYOUT_FOREIGN && !run->opt.force) {
        const struct layout_case situation = { .dest = LAYOUT_FOREIGN };

        return err_set(err, ERR_DEST, "'%s' %s", run->opt.dest,
                       layout_choose(&situation).reason);
    }
    return 0;
}

/* Part by part, and not the staging itself: should that have been taken away, it must not
 * come back. */
static int make_named(const struct run *run, const char *name, struct err *err)
{
    struct strbuf path = { 0 };
    int rc = 0;

    for (const char *slash = name; rc == 0 && slash; slash = strchr(slash + 1, '/')) {
        const char *end = strchr(slash + 1, '/');

        strbuf_clear(&path);
        strbuf_addf(&path, "%s/%.*s", run->tree,
                    end ? (int)(end - name) : (int)strlen(name), name);
        rc = path.failed ? err_memory(err, "a path") : fs_mkdir(path.data, 0777, err);
    }
    strbuf_release(&path);
    return rc;
}

static int make_tree(struct run *run, struct err *err)
{
    struct strbuf dir = { 0 };
    int rc = -1;

    strbuf_addf(&dir, "%s/", run->tree);
    if (dir.failed) {
        err_memory(err, "a path");
        goto out;
    }
    if (make_named(run, ".mpifetch", err) < 0 ||
        staging_make_directories(run, dir.data, err) < 0)
        goto out;
    rc = 0;
    if (!hubmeta_wanted(run))
        goto out;
    strbuf_adds(&dir, ".cache/huggingface/download/");
    rc = -1;
    if (dir.failed)
        err_memory(err, "a path");
    else if (make_named(run, ".cache/huggingface/download", err) == 0)
        rc = staging_make_directories(run, dir.data, err);
out:
    strbuf_release(&dir);
    return rc;
}

void stage_unfind(struct stage *stage, size_t i)
{
    stage->have.known[i].there = false;
    stage->have.files--;
    stage->have.bytes -= stage->run->plan.files[i].size;
    stage->have.unchanged = false;
}

/* Whether the link leads to the file that was looked at: DEST may have become another
 * tree since. */
static bool is_known(const struct stage *stage, size_t i, const char *path)
{
    const struct known *known = &stage->have.known[i];
    struct fs_info info;

    return fs_look(path, &info, NULL) == 0 && info.kind == FS_FILE &&
           info.size == stage->run->plan.files[i].size &&
           info.mtime_ns == known->mtime_ns && info.inode == known->inode;
}

/* A linked file keeps its inode, so whoever has the old tree open notices nothing. */
static int place_known(struct stage *stage, size_t i, const char *path, struct err *err)
{
    struct run *run = stage->run;
    struct strbuf old = { 0 };
    int rc;

    strbuf_addf(&old, "%s/%s", run->opt.dest, plan_path(&run->plan, i));
    rc = old.failed ? err_memory(err, "a path") : fs_link(old.data, path, NULL);
    strbuf_release(&old);
    if (rc == 0 && is_known(stage, i, path))
        return hubmeta_write_file(run, (uint32_t)i, err);
    /* It is fetched again: no hard links here, or not that file any more. A link that
     * was made all the same must go, or the fetch would write into DEST. */
    if (fs_unlink(path, err) < 0)
        return -1;
    stage_unfind(stage, i);
    return 0;
}

static int place_empty(struct stage *stage, size_t i, const char *path, struct err *err)
{
    const struct run *run = stage->run;

    if (fs_write_all(path, "", 0, false, false, err) < 0 ||
        fs_set_mtime(path, run->stamp * 1000000000, err) < 0)
        return -1;
    return hubmeta_write_file(run, (uint32_t)i, err);
}

/* Large files are made here, so that several ranks can open them; small ones are made by
 * the rank that fetches them. */
static int place_fresh(struct stage *stage, size_t i, const char *path, struct err *err)
{
    const struct run *run = stage->run;
    uint64_t size = run->plan.files[i].size;

    if (size == 0)
        return place_empty(stage, i, path, err);
    if (resume_place(run->resume, (uint32_t)i, path))
        return 0;
    return segments_of(&run->segments, (uint32_t)i) > 1
               ? staging_place_large(path, size, err)
               : 0;
}

static int place_files(struct stage *stage, struct err *err)
{
    const struct run *run = stage->run;
    struct strbuf path = { 0 };
    int rc = 0;

    for (size_t i = 0; i < run->plan.nfiles && rc == 0; i++) {
        strbuf_clear(&path);
        strbuf_addf(&path, "%s/%s", run->tree, plan_path(&run->plan, i));
        if (path.failed)
            rc = err_memory(err, "a path");
        else if (i % STAGE_POLL == 0)
            rc = agree_poll(stage->run, err);
        if (rc == 0 && stage->have.known[i].there)
            rc = place_known(stage, i, path.data, err);
        /* not there, or there and without a link */
        if (rc == 0 && !stage->have.known[i].there)
            rc = place_fresh(stage, i, path.data, err);
    }
    strbuf_release(&path);
    return rc;
}

static int check_space(const struct stage *stage, const char *parent, struct err *err)
{
    const struct plan *plan = &stage->run->plan;
    uint64_t files = plan->nfiles - stage->have.files;

    files = files * (hubmeta_wanted(stage->run) ? 2 : 1) + 16;
    return staging_check_space(stage->run, parent, plan->nbytes - stage->have.bytes,
                               files, err);
}

static int choose(struct stage *stage, struct err *err)
{
    const struct run *run = stage->run;
    struct layout_case situation = { .dest = stage->dest,
                                     .versions = run->opt.versions,
                                     .force = run->opt.force };

    if (fs_can_exchange(run->staging, &situation.can_exchange, err) < 0)
        return -1;
    stage->how = layout_choose(&situation);
    if (stage->how.step == LAYOUT_REFUSE)
        return err_set(err, ERR_DEST, "'%s' %s", run->opt.dest, stage->how.reason);
    return stage->how.step == LAYOUT_FLIP || stage->how.step == LAYOUT_SWAP_LINK
               ? versions_check(run->opt.dest, err)
               : 0;
}

int stage_refresh(struct stage *stage, struct err *err)
{
    enum layout_dest before = stage->dest;

    record_release(&stage->record);
    if (classify(stage, err) < 0)
        return -1;
    return stage->dest == before ? 0 : choose(stage, err);
}

int stage_claim(struct stage *stage, struct err *err)
{
    struct run *run = stage->run;
    struct strbuf parent = { 0 }, prefix = { 0 };
    int rc = -1;

    layout_parent(run->opt.dest, &parent);
    layout_staging_prefix(run->opt.dest, &prefix);
    if (parent.failed || prefix.failed)
        err_memory(err, "a path");
    else if (fs_mkdirs(parent.data, err) == 0)
        rc = custody_take(run, parent.data, prefix.data, stage->identity, err);
    strbuf_release(&parent);
    strbuf_release(&prefix);
    return rc;
}

int stage_build(struct stage *stage, struct err *err)
{
    struct run *run = stage->run;
    struct strbuf parent = { 0 };
    int rc = -1;

    layout_parent(run->opt.dest, &parent);
    if (parent.failed) {
        err_memory(err, "a path");
        goto out;
    }
    if (check_space(stage, parent.data, err) < 0 || choose(stage, err) < 0 ||
        make_tree(run, err) < 0 || hubmeta_write_fixed(run, err) < 0)
        goto out;
    rc = staging_check_names(run, err);
    if (rc == 0)
        rc = place_files(stage, err);
out:
    strbuf_release(&parent);
    return rc;
}

void stage_release(struct stage *stage)
{
    record_release(&stage->record);
    free(stage->have.known);
    free(stage->version);
    free(stage->before);
    strbuf_release(&stage->old_versions);
    *stage = (struct stage){ 0 };
}
