#include "publish/dir.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "io/sha256.h"
#include "ranks/background.h"
#include "resume/claim.h"
#include "resume/resume.h"
#include "resume/versions.h"
#include "staging/foreign_files.h"
#include "staging/local_metadata.h"
#include "staging/staging.h"

enum { DIR_POLL = 1000 }; /* files between two looks for signals */

static int stop_at_first(void *arg, const char *name, struct err *err)
{
    (void)name;
    (void)err;
    *(bool *)arg = false;
    return -1;
}

static int look_at_directory(struct dir *dir, struct err *err)
{
    const char *dest = dir->run->opt.dest;
    bool empty = true;

    if (manifest_load(&dir->record, dest, NULL) == 0) {
        dir->dest = LAYOUT_OURS;
        return 0;
    }
    if (fs_list(dest, stop_at_first, &empty, err) < 0 && empty)
        return -1;
    dir->dest = empty ? LAYOUT_EMPTY : LAYOUT_FOREIGN;
    return 0;
}

static int look_at_link(struct dir *dir, struct err *err)
{
    const char *dest = dir->run->opt.dest;
    struct strbuf target = { 0 };

    if (fs_readlink(dest, &target, err) < 0)
        return -1;
    dir->dest = layout_is_version(dest, target.data ? target.data : "") ? LAYOUT_VERSIONED
                                                                        : LAYOUT_FOREIGN;
    strbuf_release(&target);
    /* A version whose manifest is gone is replaced whole, as if nothing were there. */
    if (dir->dest == LAYOUT_VERSIONED)
        manifest_load(&dir->record, dest, NULL);
    return 0;
}

static int classify(struct dir *dir, struct err *err)
{
    struct fs_info info;

    if (fs_look(dir->run->opt.dest, &info, err) < 0)
        return -1;
    dir->dest = info.kind == FS_MISSING ? LAYOUT_MISSING : LAYOUT_FOREIGN;
    if (info.kind == FS_DIRECTORY)
        return look_at_directory(dir, err);
    if (info.kind == FS_SYMLINK)
        return look_at_link(dir, err);
    return 0;
}

static int identify(struct dir *dir, struct err *err)
{
    struct strbuf text = { 0 };
    uint8_t digest[32];
    int rc = plan_identity(&dir->run->plan, &text, err);

    if (rc == 0) {
        sha256_bytes(text.data ? text.data : "", text.len, digest);
        text_hex(dir->identity, digest, sizeof(digest));
    }
    strbuf_release(&text);
    return rc;
}

/* The Hub library takes a record for good only if the file is not younger: linked files
 * keep their time, so the run must not be older than any of them, whatever its clock
 * says. */
static void keep_up(struct run *run, int64_t mtime_ns)
{
    if (run->mtime < mtime_ns / 1000000000 + 1 && run->mtime * 1000000000 < mtime_ns)
        run->mtime = mtime_ns / 1000000000 + 1;
}

static int find_unchanged(struct dir *dir, struct err *err)
{
    struct run *run = dir->run;
    const struct plan *plan = &run->plan;

    for (size_t i = 0; i < plan->nfiles; i++) {
        const struct manifest_file *old = manifest_find(&dir->record, plan_path(plan, i));
        struct existing_file *known = &dir->existing.file[i];

        if (i % DIR_POLL == 0 && background_poll(&run->ranks, err) < 0)
            return -1;
        if (!manifest_same(old, plan, i, run->opt.dest, &known->inode))
            continue;
        known->there = true;
        known->mtime_ns = old->mtime_ns;
        keep_up(run, old->mtime_ns);
        memcpy(known->sha256, old->sha256, 32);
        dir->existing.files++;
        dir->existing.bytes += plan->files[i].size;
    }
    dir->existing.unchanged = dir->existing.files == plan->nfiles &&
                              dir->record.nfiles == plan->nfiles &&
                              strcmp(dir->identity, dir->record.identity) == 0;
    return 0;
}

/* Both lists are sorted by path. */
static void count_dropped(struct dir *dir)
{
    const struct plan *plan = &dir->run->plan;
    size_t i = 0;

    for (size_t k = 0; k < dir->record.nfiles; k++) {
        const char *old = dir->record.file[k].path;

        while (i < plan->nfiles && strcmp(plan_path(plan, i), old) < 0)
            i++;
        if (i == plan->nfiles || strcmp(plan_path(plan, i), old) != 0)
            dir->existing.dropped++;
    }
}

int dir_look(struct dir *dir, struct run *run, struct err *err)
{
    *dir = (struct dir){ .run = run };
    dir->existing.file = calloc(run->plan.nfiles + 1, sizeof(*dir->existing.file));
    if (!dir->existing.file)
        return err_memory(err, "the list of files");
    if (identify(dir, err) < 0 || (run->opt.dest && classify(dir, err) < 0))
        return -1;
    if (!run->opt.dest)
        return 0;
    if (find_unchanged(dir, err) < 0)
        return -1;
    count_dropped(dir);
    if (!dir->existing.unchanged &&
        foreign_files_refuse(run, &dir->record, run->opt.dest, err) < 0)
        return -1;
    if (dir->dest == LAYOUT_FOREIGN && !run->opt.force) {
        const struct layout_case situation = { .dest = LAYOUT_FOREIGN };

        return err_set(err, ERR_DEST, "'%s' %s", run->opt.dest,
                       layout_choose(&situation).reason);
    }
    return 0;
}

/* Part by part, and not the staging itself: if another run has taken that over, it must
 * not be created again. */
static int make_named(const struct run *run, const char *name, struct err *err)
{
    struct strbuf path = { 0 };
    int rc = 0;

    for (const char *slash = name; rc == 0 && slash; slash = strchr(slash + 1, '/')) {
        const char *end = strchr(slash + 1, '/');

        strbuf_clear(&path);
        strbuf_addf(&path, "%s/%.*s", run->staging.tree,
                    end ? (int)(end - name) : (int)strlen(name), name);
        rc = path.failed ? err_memory(err, "a path") : fs_mkdir(path.data, 0777, err);
    }
    strbuf_release(&path);
    return rc;
}

static int make_tree(struct run *run, struct err *err)
{
    struct strbuf base = { 0 };
    int rc = -1;

    strbuf_addf(&base, "%s/", run->staging.tree);
    if (base.failed) {
        err_memory(err, "a path");
        goto out;
    }
    if (make_named(run, ".mpifetch", err) < 0 ||
        staging_make_directories(run, base.data, err) < 0)
        goto out;
    rc = 0;
    if (!local_metadata_wanted(run))
        goto out;
    strbuf_adds(&base, ".cache/huggingface/download/");
    rc = -1;
    if (base.failed)
        err_memory(err, "a path");
    else if (make_named(run, ".cache/huggingface/download", err) == 0)
        rc = staging_make_directories(run, base.data, err);
out:
    strbuf_release(&base);
    return rc;
}

void dir_unfind(struct dir *dir, size_t i)
{
    dir->existing.file[i].there = false;
    dir->existing.files--;
    dir->existing.bytes -= dir->run->plan.files[i].size;
    dir->existing.unchanged = false;
}

/* Whether the link leads to the file that was looked at: DEST may have become another
 * tree since. */
static bool is_known(const struct dir *dir, size_t i, const char *path)
{
    const struct existing_file *known = &dir->existing.file[i];
    struct fs_info info;

    return fs_look(path, &info, NULL) == 0 && info.kind == FS_FILE &&
           info.size == dir->run->plan.files[i].size &&
           info.mtime_ns == known->mtime_ns && info.inode == known->inode;
}

/* A linked file keeps its inode, so whoever has the old tree open notices nothing. */
static int place_known(struct dir *dir, size_t i, const char *path, struct err *err)
{
    struct run *run = dir->run;
    struct strbuf old = { 0 };
    int rc;

    strbuf_addf(&old, "%s/%s", run->opt.dest, plan_path(&run->plan, i));
    rc = old.failed ? err_memory(err, "a path") : fs_link(old.data, path, NULL);
    strbuf_release(&old);
    if (rc == 0 && is_known(dir, i, path))
        return local_metadata_write_file(run, (uint32_t)i, err);
    /* It is fetched again: no hard links here, or not that file any more. A link that
     * was made all the same must go, or the fetch would write into DEST. */
    if (fs_unlink(path, err) < 0)
        return -1;
    dir_unfind(dir, i);
    return 0;
}

static int place_empty(struct dir *dir, size_t i, const char *path, struct err *err)
{
    const struct run *run = dir->run;

    if (fs_write_all(path, "", 0, false, false, err) < 0 ||
        fs_set_mtime(path, run->mtime * 1000000000, err) < 0)
        return -1;
    return local_metadata_write_file(run, (uint32_t)i, err);
}

/* Large files are made here, so that several ranks can open them; small ones are made by
 * the rank that fetches them. */
static int place_fresh(struct dir *dir, size_t i, const char *path, struct err *err)
{
    const struct run *run = dir->run;
    uint64_t size = run->plan.files[i].size;

    if (size == 0)
        return place_empty(dir, i, path, err);
    if (resume_place(run->staging.resume, (uint32_t)i, path))
        return 0;
    return segments_of(&run->segments, (uint32_t)i) > 1
               ? staging_place_large(path, size, err)
               : 0;
}

static int place_files(struct dir *dir, struct err *err)
{
    const struct run *run = dir->run;
    struct strbuf path = { 0 };
    int rc = 0;

    for (size_t i = 0; i < run->plan.nfiles && rc == 0; i++) {
        strbuf_clear(&path);
        strbuf_addf(&path, "%s/%s", run->staging.tree, plan_path(&run->plan, i));
        if (path.failed)
            rc = err_memory(err, "a path");
        else if (i % DIR_POLL == 0)
            rc = background_poll(&dir->run->ranks, err);
        if (rc == 0 && dir->existing.file[i].there)
            rc = place_known(dir, i, path.data, err);
        /* not there, or there and without a link */
        if (rc == 0 && !dir->existing.file[i].there)
            rc = place_fresh(dir, i, path.data, err);
    }
    strbuf_release(&path);
    return rc;
}

static int check_space(const struct dir *dir, const char *parent, struct err *err)
{
    const struct plan *plan = &dir->run->plan;
    uint64_t files = plan->nfiles - dir->existing.files;

    files = files * (local_metadata_wanted(dir->run) ? 2 : 1) + 16;
    return staging_check_space(
        dir->run, parent,
        resume_missing(dir->run->staging.resume, plan->nbytes - dir->existing.bytes),
        files, err);
}

static int choose(struct dir *dir, struct err *err)
{
    const struct run *run = dir->run;
    struct layout_case situation = { .dest = dir->dest,
                                     .versions = run->opt.versions,
                                     .force = run->opt.force };

    if (fs_can_exchange(run->staging.path, &situation.can_exchange, err) < 0)
        return -1;
    dir->how = layout_choose(&situation);
    if (dir->how.step == LAYOUT_REFUSE)
        return err_set(err, ERR_DEST, "'%s' %s", run->opt.dest, dir->how.reason);
    return dir->how.step == LAYOUT_FLIP || dir->how.step == LAYOUT_SWAP_LINK
               ? versions_check(run->opt.dest, err)
               : 0;
}

int dir_refresh(struct dir *dir, struct err *err)
{
    enum layout_dest before = dir->dest;

    manifest_release(&dir->record);
    if (classify(dir, err) < 0)
        return -1;
    return dir->dest == before ? 0 : choose(dir, err);
}

int dir_claim(struct dir *dir, struct err *err)
{
    struct run *run = dir->run;
    struct strbuf parent = { 0 }, prefix = { 0 };
    int rc = -1;

    layout_parent(run->opt.dest, &parent);
    layout_staging_prefix(run->opt.dest, &prefix);
    if (parent.failed || prefix.failed)
        err_memory(err, "a path");
    else if (fs_mkdirs(parent.data, err) == 0)
        rc = claim_take(run, parent.data, prefix.data, dir->identity, err);
    strbuf_release(&parent);
    strbuf_release(&prefix);
    return rc;
}

int dir_build(struct dir *dir, struct err *err)
{
    struct run *run = dir->run;
    struct strbuf parent = { 0 };
    int rc = -1;

    layout_parent(run->opt.dest, &parent);
    if (parent.failed) {
        err_memory(err, "a path");
        goto out;
    }
    if (check_space(dir, parent.data, err) < 0 || choose(dir, err) < 0 ||
        make_tree(run, err) < 0 || local_metadata_write_fixed(run, err) < 0)
        goto out;
    rc = staging_check_names(run, err);
    if (rc == 0)
        rc = place_files(dir, err);
out:
    strbuf_release(&parent);
    return rc;
}

void dir_release(struct dir *dir)
{
    manifest_release(&dir->record);
    free(dir->existing.file);
    free(dir->version);
    free(dir->before);
    strbuf_release(&dir->old_versions);
    *dir = (struct dir){ 0 };
}
