#include "publish/cache_commit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/hub/hub_cache.h"
#include "io/clock.h"
#include "io/fs/file_copy.h"
#include "io/fs/fs.h"
#include "publish/commit_record.h"
#include "ranks/background.h"
#include "resume/claim.h"
#include "staging/staging.h"

enum { COMMIT_POLL = 1000 }; /* files between two looks for signals */

static const double COMMIT_PATIENCE = 5; /* seconds for one entry */

/* Paths of one commit, made once. */
struct names {
    struct strbuf blob;   /* of a file, in staging or in the cache */
    struct strbuf staged; /* of a file, in the snapshot that is built in staging */
    struct strbuf shown;  /* of a file, in the snapshot of the cache */
    struct strbuf text;   /* of a symlink */
};

static const char *etag_of(const struct cache *cache, size_t i)
{
    const struct plan *plan = &cache->run->plan;

    return plan_text(plan, plan->files[i].etag);
}

static int set_path(struct strbuf *path, const char *dir, const char *name,
                    struct err *err)
{
    strbuf_clear(path);
    strbuf_addf(path, "%s/%s", dir, name);
    return path->failed ? err_memory(err, "a path") : 0;
}

static int make_parents(struct strbuf *path, struct err *err)
{
    char *slash = strrchr(path->data, '/');
    int rc;

    *slash = '\0';
    rc = fs_mkdirs(path->data, err);
    *slash = '/';
    return rc;
}

/* Where there are no symlinks: the fetched file itself, or a copy of a blob that is there
 * already. A twin copies what its origin, which comes first, has become. */
static int stage_file(struct cache *cache, size_t i, struct names *n, struct err *err)
{
    const struct run *run = cache->run;
    uint64_t size = run->plan.files[i].size;
    bool twin = cache->state[i] == CACHE_TWIN;

    if (cache->state[i] == CACHE_FETCH) {
        if (set_path(&n->blob, run->staging.tree, etag_of(cache, i), err) < 0)
            return -1;
        return fs_rename(n->blob.data, n->staged.data, FS_RENAME_REPLACE, err);
    }
    strbuf_clear(&n->blob);
    if (twin)
        strbuf_addf(&n->blob, "%s/snapshot/%s", run->staging.path,
                    plan_path(&run->plan, cache->origin[i]));
    else
        strbuf_addf(&n->blob, "%s/blobs/%s", cache->folder, etag_of(cache, i));
    if (n->blob.failed)
        return err_memory(err, "a path");
    return file_copy(&(struct file_copy){ n->blob.data, n->staged.data, 0, 0, size },
                     err);
}

static int stage_link(struct cache *cache, size_t i, struct names *n, struct err *err)
{
    strbuf_clear(&n->text);
    hub_cache_link(plan_path(&cache->run->plan, i), etag_of(cache, i), &n->text);
    if (n->text.failed)
        return err_memory(err, "a path");
    return fs_symlink(n->text.data, n->staged.data, err);
}

/* Its entry in the staged snapshot, whose directories are there. */
static int stage_entry(struct cache *cache, size_t i, struct names *n, struct err *err)
{
    strbuf_clear(&n->staged);
    strbuf_addf(&n->staged, "%s/snapshot/%s", cache->run->staging.path,
                plan_path(&cache->run->plan, i));
    if (n->staged.failed)
        return err_memory(err, "a path");
    return cache->copies ? stage_file(cache, i, n, err) : stage_link(cache, i, n, err);
}

/* All that the snapshot of the cache lacks. */
static int stage_snapshot(struct cache *cache, struct names *n, struct err *err)
{
    const struct run *run = cache->run;
    int rc;

    strbuf_clear(&n->staged);
    strbuf_addf(&n->staged, "%s/snapshot/", run->staging.path);
    rc = n->staged.failed ? err_memory(err, "a path") : fs_mkdirs(n->staged.data, err);
    if (rc == 0)
        rc = staging_make_directories(run, n->staged.data, err);
    for (size_t i = 0; i < run->plan.nfiles && rc == 0; i++) {
        if (cache->copies || i % COMMIT_POLL == 0)
            rc = background_poll(&cache->run->ranks, err);
        if (rc == 0 && cache->state[i] != CACHE_SHOWN)
            rc = stage_entry(cache, i, n, err);
    }
    return rc;
}

/* A name that is a digest: what stands there is the same, and may be mapped by a reader
 * on a node whose file system would miss it, or it is broken. */
static int show_blobs(struct cache *cache, struct names *n, struct err *err)
{
    const struct run *run = cache->run;
    int rc;

    if (set_path(&n->shown, cache->folder, "blobs", err) < 0 ||
        fs_mkdirs(n->shown.data, err) < 0)
        return -1;
    rc = 0;
    for (size_t i = 0; i < run->plan.nfiles && rc == 0; i++) {
        if (cache->state[i] != CACHE_FETCH ||
            (cache_has_blob(cache, i) && !cache->existing.file[i].wrong))
            continue;
        if (set_path(&n->blob, run->staging.tree, etag_of(cache, i), err) < 0)
            return -1;
        strbuf_clear(&n->shown);
        strbuf_addf(&n->shown, "%s/blobs/%s", cache->folder, etag_of(cache, i));
        rc = n->shown.failed
                 ? err_memory(err, "a path")
                 : fs_rename(n->blob.data, n->shown.data, FS_RENAME_REPLACE, err);
    }
    if (rc == 0 && run->opt.sync && set_path(&n->shown, cache->folder, "blobs", err) == 0)
        rc = fs_sync_path(n->shown.data, err);
    return rc;
}

/* What a run found there somebody may have cleaned away since; the links would dangle. */
static int check_reused(struct cache *cache, struct names *n, struct err *err)
{
    const struct plan *plan = &cache->run->plan;
    struct fs_info info;

    for (size_t i = 0; i < plan->nfiles; i++) {
        if (cache->state[i] != CACHE_BLOB || cache->copies)
            continue;
        strbuf_clear(&n->blob);
        strbuf_addf(&n->blob, "%s/blobs/%s", cache->folder, etag_of(cache, i));
        if (n->blob.failed)
            return err_memory(err, "a path");
        if (fs_look_through(n->blob.data, &info, err) < 0)
            return -1;
        if (info.kind != FS_FILE || info.size != plan->files[i].size)
            return err_set(err, ERR_DEST, "'%s' was removed during the run: run again",
                           n->blob.data);
    }
    return 0;
}

/* Text under a name in staging, then to its place in one step. */
static int show_text(struct cache *cache, const char *text, const char *path,
                     struct names *n, struct err *err)
{
    const struct run *run = cache->run;

    strbuf_clear(&n->shown);
    strbuf_adds(&n->shown, path);
    if (n->shown.failed)
        return err_memory(err, "a path");
    if (set_path(&n->staged, run->staging.path, "text", err) < 0 ||
        fs_write_all(n->staged.data, text, strlen(text), true, run->opt.sync, err) < 0 ||
        make_parents(&n->shown, err) < 0 ||
        fs_rename(n->staged.data, path, FS_RENAME_REPLACE, err) < 0)
        return -1;
    if (!run->opt.sync)
        return 0;
    *strrchr(n->shown.data, '/') = '\0';
    return fs_sync_path(n->shown.data, err);
}

static int show_trees(struct cache *cache, struct names *n, struct err *err)
{
    struct strbuf text = { 0 };
    int rc;

    if (cache->commit_record_good)
        return 0;
    rc = commit_record_text(cache->whole, &text, err);
    if (rc == 0)
        rc = show_text(cache, text.data, cache->trees, n, err);
    strbuf_release(&text);
    return rc;
}

/* A symlink among them would lead the step out of the snapshot, to somebody's files. */
static int check_parents(const struct cache *cache, const char *path, struct names *n,
                         struct err *err)
{
    struct fs_info info;

    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        strbuf_clear(&n->shown);
        strbuf_addf(&n->shown, "%s/%.*s", cache->run->published, (int)(slash - path),
                    path);
        if (n->shown.failed)
            return err_memory(err, "a path");
        if (fs_look(n->shown.data, &info, err) < 0)
            return -1;
        if (info.kind != FS_MISSING && info.kind != FS_DIRECTORY)
            return err_set(
                err, ERR_DEST,
                "'%s' is not a directory, but the snapshot needs one there: move it",
                n->shown.data);
    }
    return 0;
}

static int show_entry(struct cache *cache, size_t i, struct names *n, struct err *err)
{
    const char *path = plan_path(&cache->run->plan, i);

    if (check_parents(cache, path, n, err) < 0 ||
        set_path(&n->shown, cache->run->published, path, err) < 0 ||
        make_parents(&n->shown, err) < 0)
        return -1;
    strbuf_clear(&n->staged);
    strbuf_addf(&n->staged, "%s/snapshot/%s", cache->run->staging.path, path);
    if (n->staged.failed)
        return err_memory(err, "a path");
    return fs_rename(n->staged.data, n->shown.data, FS_RENAME_REPLACE, err);
}

/* The library replaces an entry by removing it and making it anew, so for a moment it may
 * be missing although nobody wants it gone. */
static bool is_shown_soon(struct cache *cache, size_t i)
{
    double until = clock_now() + COMMIT_PATIENCE;

    while (!cache_is_shown(cache, i)) {
        if (clock_now() > until)
            return false;
        clock_sleep(0.005);
    }
    return true;
}

/* The library, or another run, has begun this snapshot: it is completed. What it shows of
 * a file is left alone where it is whole as far as its size tells, unless this run found
 * it to be wrong and fetched it. */
static int complete_snapshot(struct cache *cache, struct names *n, struct err *err)
{
    const struct run *run = cache->run;

    for (size_t i = 0; i < run->plan.nfiles; i++) {
        bool stood = cache->state[i] == CACHE_SHOWN;
        bool shown = stood ? is_shown_soon(cache, i) : cache_is_shown(cache, i);

        if (stood && !shown)
            return err_set(err, ERR_DEST, "'%s/%s' was removed during the run: run again",
                           run->published, plan_path(&run->plan, i));
        if (shown && !cache->existing.file[i].wrong)
            continue;
        if (show_entry(cache, i, n, err) < 0)
            return -1;
    }
    return 0;
}

/* Then what is staged is a part, and must not stand for the whole. */
static bool shows_some(const struct cache *cache)
{
    for (size_t i = 0; i < cache->run->plan.nfiles; i++)
        if (cache->state[i] == CACHE_SHOWN)
            return true;
    return false;
}

static int show_snapshot(struct cache *cache, struct names *n, struct err *err)
{
    const struct run *run = cache->run;
    int rc;

    if (set_path(&n->staged, run->staging.path, "snapshot", err) < 0 ||
        set_path(&n->shown, cache->folder, "snapshots", err) < 0 ||
        fs_mkdirs(n->shown.data, err) < 0)
        return -1;
    rc = shows_some(cache)
             ? complete_snapshot(cache, n, err)
             : fs_rename(n->staged.data, run->published, FS_RENAME_ABSENT, NULL);
    if (rc < 0 && err->code == ERR_NONE && (errno == EEXIST || errno == ENOTEMPTY))
        rc = complete_snapshot(cache, n, err);
    else if (rc < 0 && err->code == ERR_NONE)
        rc = fs_rename(n->staged.data, run->published, FS_RENAME_ABSENT, err);
    if (rc == 0 && run->opt.sync &&
        set_path(&n->shown, cache->folder, "snapshots", err) == 0)
        rc = fs_sync_path(n->shown.data, err);
    return rc;
}

/* Before a name leads there. */
static int check_shown(struct cache *cache, struct err *err)
{
    for (size_t i = 0; i < cache->run->plan.nfiles; i++)
        if (!is_shown_soon(cache, i))
            return err_set(err, ERR_DEST,
                           "'%s/%s' does not lead to its content: another program is "
                           "changing this cache, run again",
                           cache->run->published, plan_path(&cache->run->plan, i));
    return 0;
}

/* The steps that others see, in the order that makes each safe. With its record a
 * snapshot that is there in part is refused by the library, so that comes after the rest
 * of it. */
static int show(struct cache *cache, struct names *n, struct err *err)
{
    const struct run *run = cache->run;
    bool begun = cache_has(run->published, "");

    if ((!cache->copies && show_blobs(cache, n, err) < 0) ||
        (!begun && show_trees(cache, n, err) < 0) || show_snapshot(cache, n, err) < 0 ||
        (begun && show_trees(cache, n, err) < 0) || check_shown(cache, err) < 0)
        return -1;
    /* Directories that were made on the way, and entries of a snapshot. */
    if (run->opt.sync && fs_sync_system(run->staging.path, err) < 0)
        return -1;
    if (cache->ref_good)
        return 0;
    return show_text(cache, plan_text(&run->plan, run->plan.revision), cache->ref, n,
                     err);
}

int cache_commit(struct cache *cache, struct visibility_mark *mark, struct err *err)
{
    struct run *run = cache->run;
    struct names names = { 0 };
    int rc = -1;

    memcpy(mark->before, cache->before, sizeof(mark->before));
    snprintf(mark->present, sizeof(mark->present), "%s",
             plan_text(&run->plan, run->plan.revision));
    if (stage_snapshot(cache, &names, err) < 0 ||
        (run->opt.sync && fs_sync_system(run->staging.path, err) < 0) ||
        check_reused(cache, &names, err) < 0)
        goto out;
    /* The last moment at which a signal, here or elsewhere, can still end the run. */
    if (claim_confirm(run, err) < 0 || background_ask(&run->ranks, err) < 0)
        goto out;
    if (show(cache, &names, err) < 0) {
        err_wrap(err, "publishing");
        goto out;
    }
    rc = 0;
out:
    strbuf_release(&names.blob);
    strbuf_release(&names.staged);
    strbuf_release(&names.shown);
    strbuf_release(&names.text);
    return rc;
}
