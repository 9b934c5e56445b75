#include "publish/cache_commit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "io/clock.h"
#include "io/fs/file_copy.h"
#include "io/fs/fs.h"
#include "publish/cache_stage.h"
#include "publish/commit_record.h"
#include "ranks/background.h"
#include "resume/claim.h"
#include "staging/staging.h"

static const double COMMIT_PATIENCE = 5; /* seconds for one entry */

static const char *etag_of(const struct cache *cache, size_t i)
{
    const struct plan *plan = &cache->run->plan;

    return plan_text(plan, plan->files[i].etag);
}

/* The folder of the repository. */
static const struct fs_dir *folder_of(const struct cache *cache)
{
    return &cache->run->staging.parent;
}

/* A path below the folder, from there on. */
static const char *in_folder(const struct cache *cache, const char *path)
{
    return path + strlen(cache->folder) + 1;
}

static const char *blob_name(const struct cache *cache, size_t i, char name[FS_NAME])
{
    return fs_format(name, "blobs/%s", etag_of(cache, i));
}

static int make_parents(const struct cache *cache, const char *name, struct err *err)
{
    char parents[FS_NAME];

    fs_format(parents, "%s", name);
    *strrchr(parents, '/') = '\0';
    return fs_mkdirs(folder_of(cache), parents, err);
}

/* Without symlinks: the fetched file itself, or a copy of an existing blob. A twin is
 * copied from its origin, which comes first. */
static int stage_file(struct cache *cache, size_t i, const char *to, struct err *err)
{
    const struct run *run = cache->run;
    const struct fs_dir *dir = &run->staging.dir;
    bool twin = cache->state[i] == CACHE_TWIN;
    char from[FS_NAME];

    if (cache->state[i] == CACHE_FETCH)
        return fs_rename(&run->staging.tree, etag_of(cache, i), dir, to,
                         FS_RENAME_REPLACE, err);
    if (twin)
        cache_staged_name(cache, cache->origin[i], from);
    else
        blob_name(cache, i, from);
    if (file_copy(&(struct file_copy){ .from_dir = twin ? dir : folder_of(cache),
                                       .from = from,
                                       .to_dir = dir,
                                       .to = to,
                                       .len = run->plan.files[i].size },
                  err) < 0)
        return -1;
    return run->opt.sync ? fs_sync_path(dir, to, err) : 0;
}

/* Where there are no symlinks: fill what cache_stage has made. */
static int stage_files(struct cache *cache, struct err *err)
{
    const struct run *run = cache->run;
    char name[FS_NAME];
    int rc = 0;

    for (size_t i = 0; i < run->plan.nfiles && rc == 0; i++) {
        if (!cache->copies || cache->state[i] == CACHE_SHOWN)
            continue;
        rc = background_poll(&cache->run->ranks, err);
        if (rc == 0)
            rc = stage_file(cache, i, cache_staged_name(cache, i, name), err);
    }
    return rc;
}

/* Complete blobs are left alone: the name is a digest, so the content is the same, and a
 * reader on another node may have it mapped, which its file system might not survive.
 * Damaged ones are replaced. */
static int show_blobs(struct cache *cache, struct err *err)
{
    const struct run *run = cache->run;
    char name[FS_NAME];

    if (fs_mkdir(folder_of(cache), "blobs", 0777, err) < 0)
        return -1;
    for (size_t i = 0; i < run->plan.nfiles; i++) {
        if (cache->state[i] != CACHE_FETCH ||
            (cache_finds(cache, i, CACHE_BLOB, true) && !cache->existing.file[i].wrong))
            continue;
        if (fs_rename(&run->staging.tree, etag_of(cache, i), folder_of(cache),
                      blob_name(cache, i, name), FS_RENAME_REPLACE, err) < 0)
            return -1;
    }
    return run->opt.sync ? fs_sync_path(folder_of(cache), "blobs", err) : 0;
}

/* What was found at the start: a blob may have been removed since, and its links would
 * dangle; and somebody may have written into it. */
static int check_file(const struct cache *cache, size_t i, struct err *err)
{
    const struct run *run = cache->run;
    bool blob = cache->state[i] == CACHE_BLOB;
    struct fs_info info;
    char name[FS_NAME];

    if (blob)
        blob_name(cache, i, name);
    else
        fs_format(name, "%s/%s", in_folder(cache, run->published),
                  plan_path(&run->plan, i));
    if (fs_look_through(folder_of(cache), name, &info, err) < 0)
        return -1;
    if (existing_is_written(&cache->existing.file[i], &info))
        return err_set(err, ERR_INTERRUPTED,
                       "'%s/%s' was changed during the run: run again with --check",
                       cache->folder, name);
    if (!blob || cache->copies ||
        (info.kind == FS_FILE && info.size == run->plan.files[i].size))
        return 0;
    return err_set(err, ERR_DEST, "'%s/%s' was removed during the run: run again",
                   cache->folder, name);
}

static int check_reused(const struct cache *cache, struct err *err)
{
    for (size_t i = 0; i < cache->run->plan.nfiles; i++)
        if ((cache->state[i] == CACHE_BLOB || cache->state[i] == CACHE_SHOWN) &&
            check_file(cache, i, err) < 0)
            return -1;
    return 0;
}

/* Write text to staging, then rename it to its final name. */
static int show_text(struct cache *cache, const char *text, const char *path,
                     struct err *err)
{
    const struct run *run = cache->run;
    const struct fs_dir *dir = &run->staging.dir;
    const char *name = in_folder(cache, path);

    if (fs_write_all(dir, "text", text, strlen(text), true, run->opt.sync, err) < 0 ||
        make_parents(cache, name, err) < 0)
        return -1;
    return fs_rename(dir, "text", folder_of(cache), name, FS_RENAME_REPLACE, err);
}

static int sync_parent(const struct cache *cache, const char *path, struct err *err)
{
    char parent[FS_NAME];

    if (!cache->run->opt.sync)
        return 0;
    fs_format(parent, "%s", in_folder(cache, path));
    *strrchr(parent, '/') = '\0';
    return fs_sync_path(folder_of(cache), parent, err);
}

static int show_trees(struct cache *cache, struct err *err)
{
    struct strbuf text = { 0 };
    int rc;

    if (cache->commit_record_good)
        return 0;
    rc = commit_record_text(cache->whole, &text, err);
    if (rc == 0)
        rc = show_text(cache, text.data, cache->trees, err);
    if (rc == 0)
        rc = sync_parent(cache, cache->trees, err);
    strbuf_release(&text);
    return rc;
}

/* A symlink among the parents would lead out of the snapshot, to files of others. */
static int check_parents(const struct cache *cache, const char *path, struct err *err)
{
    const char *snapshot = in_folder(cache, cache->run->published);
    char name[FS_NAME];
    struct fs_info info;

    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        fs_format(name, "%s/%.*s", snapshot, (int)(slash - path), path);
        if (fs_look(folder_of(cache), name, &info, err) < 0)
            return -1;
        if (info.kind != FS_MISSING && info.kind != FS_DIRECTORY)
            return err_set(
                err, ERR_DEST,
                "'%s/%s' is not a directory, but the snapshot needs one there: move it",
                cache->folder, name);
    }
    return 0;
}

static int show_entry(struct cache *cache, size_t i, struct err *err)
{
    const char *path = plan_path(&cache->run->plan, i);
    char from[FS_NAME], to[FS_NAME];

    fs_format(to, "%s/%s", in_folder(cache, cache->run->published), path);
    if (check_parents(cache, path, err) < 0 || make_parents(cache, to, err) < 0)
        return -1;
    return fs_rename(&cache->run->staging.dir, cache_staged_name(cache, i, from),
                     folder_of(cache), to, FS_RENAME_REPLACE, err);
}

/* The library replaces an entry by removing and creating it, so it may be
 * missing for a moment. */
static bool is_shown_soon(struct cache *cache, size_t i)
{
    double until = clock_now() + COMMIT_PATIENCE;

    while (!cache_finds(cache, i, CACHE_SHOWN, false)) {
        if (clock_now() > until)
            return false;
        clock_sleep(0.005);
    }
    return true;
}

/* The library or another run has begun this snapshot: complete it. An existing entry of
 * the full size is left alone, unless this run found it to be wrong and fetched it. */
static int complete_snapshot(struct cache *cache, struct err *err)
{
    const struct run *run = cache->run;

    for (size_t i = 0; i < run->plan.nfiles; i++) {
        bool stood = cache->state[i] == CACHE_SHOWN;
        bool shown =
            stood ? is_shown_soon(cache, i) : cache_finds(cache, i, CACHE_SHOWN, true);

        if (stood && !shown)
            return err_set(err, ERR_DEST, "'%s/%s' was removed during the run: run again",
                           run->published, plan_path(&run->plan, i));
        if (shown && !cache->existing.file[i].wrong)
            continue;
        if (show_entry(cache, i, err) < 0)
            return -1;
    }
    return 0;
}

/* If so, the staged snapshot is only a part and must not replace the existing one. */
static bool shows_some(const struct cache *cache)
{
    for (size_t i = 0; i < cache->run->plan.nfiles; i++)
        if (cache->state[i] == CACHE_SHOWN)
            return true;
    return false;
}

static int show_snapshot(struct cache *cache, struct err *err)
{
    const struct run *run = cache->run;
    const struct fs_dir *dir = &run->staging.dir;
    const char *name = in_folder(cache, run->published);
    int rc;

    if (fs_mkdir(folder_of(cache), "snapshots", 0777, err) < 0)
        return -1;
    rc = shows_some(cache) ? complete_snapshot(cache, err)
                           : fs_rename(dir, cache_staged, folder_of(cache), name,
                                       FS_RENAME_ABSENT, NULL);
    if (rc < 0 && err->code == ERR_NONE && (errno == EEXIST || errno == ENOTEMPTY))
        rc = complete_snapshot(cache, err);
    else if (rc < 0 && err->code == ERR_NONE)
        rc = fs_rename(dir, cache_staged, folder_of(cache), name, FS_RENAME_ABSENT, err);
    return rc == 0 && run->opt.sync ? fs_sync_path(folder_of(cache), "snapshots", err)
                                    : rc;
}

/* Checked before the ref points to the snapshot. */
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

/* All that it leads to is on the disk by then. */
static int show_ref(struct cache *cache, struct err *err)
{
    const struct run *run = cache->run;
    struct err why = { 0 };

    if (show_text(cache, plan_text(&run->plan, run->plan.revision), cache->ref, err) < 0)
        return -1;
    if (sync_parent(cache, cache->ref, &why) < 0)
        log_line(&run->ranks.log, LOG_WARN,
                 "'%s' is published, but a power failure may undo that: %s", cache->ref,
                 why.text);
    return 0;
}

/* The visible steps, in the order that is safe after each. The library refuses an
 * incomplete snapshot that has a commit record, so the record comes after the rest
 * of the snapshot. */
static int show(struct cache *cache, struct err *err)
{
    const struct run *run = cache->run;
    bool begun = cache_has(run->published, "");

    if ((!cache->copies && show_blobs(cache, err) < 0) ||
        (!begun && show_trees(cache, err) < 0) || show_snapshot(cache, err) < 0 ||
        (begun && show_trees(cache, err) < 0) || check_shown(cache, err) < 0)
        return -1;
    /* Directories that were made on the way, and entries of a snapshot. */
    if (run->opt.sync && fs_sync_system(&run->staging.dir, ".", err) < 0)
        return -1;
    return cache->ref_good ? 0 : show_ref(cache, err);
}

int cache_commit(struct cache *cache, struct visibility_mark *mark, struct err *err)
{
    struct run *run = cache->run;

    memcpy(mark->before, cache->before, sizeof(mark->before));
    snprintf(mark->present, sizeof(mark->present), "%s",
             plan_text(&run->plan, run->plan.revision));
    if (stage_files(cache, err) < 0 ||
        (run->opt.sync && fs_sync_system(&run->staging.dir, ".", err) < 0) ||
        check_reused(cache, err) < 0)
        return -1;
    /* The last moment at which a signal, on any rank, can end the run. */
    if (claim_confirm(run, err) < 0 || background_ask(&run->ranks, err) < 0)
        return -1;
    return show(cache, err) < 0 ? err_wrap(err, "publishing") : 0;
}
