#include "publish/cache_stage.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "core/hub/hub_cache.h"
#include "io/fs/fs.h"
#include "io/hub_env.h"
#include "io/process.h"
#include "publish/identity.h"
#include "ranks/background.h"
#include "resume/claim.h"
#include "resume/resume.h"
#include "staging/staging.h"
#include "staging/striping.h"
#include "staging/twin.h"

enum { STAGE_POLL = 1000 }; /* files between two checks for signals */

/* The library considers a folder without snapshots corrupt, so both appear in one step.
 * They are prepared where the library never looks. */
static int make_in(const struct fs_dir *locks, const char *made,
                   const struct fs_dir *root, const char *folder, struct err *err)
{
    char name[FS_NAME], inner[FS_NAME];

    fs_format(name, "%s/folder", made);
    fs_format(inner, "%s/snapshots", name);
    /* For mpifetch clean, if this run is killed in between. */
    if (process_sign(locks, made, false, err) < 0)
        return -1;
    /* In front of all that is made below. */
    fs_traits_inherit(root, ".", locks, made);
    if (fs_mkdir(locks, name, 0777, err) < 0 || fs_mkdir(locks, inner, 0777, err) < 0)
        return -1;
    if (fs_rename(locks, name, root, folder, FS_RENAME_ABSENT, err) == 0)
        return 0;
    if (errno != EEXIST)
        return -1;
    /* The library was faster, which begins with less than this. */
    err_clear(err);
    return fs_mkdirs(root, fs_format(name, "%s/snapshots", folder), err);
}

/* In a cache that a group shares a member could lead others to their own files. */
static int check_link(const struct cache *cache, struct err *err)
{
    struct fs_info link, above;

    if (fs_look(NULL, cache->folder, &link, err) < 0 ||
        fs_look_through(NULL, cache->run->opt.dest, &above, err) < 0)
        return -1;
    if (link.kind != FS_SYMLINK || fs_link_is_trusted(&link, &above))
        return 0;
    return err_set(err, ERR_DEST,
                   "'%s' is a symbolic link that another user has made, and is not "
                   "followed: use another cache, or have its owner remove it",
                   cache->folder);
}

static int make_folder(const struct cache *cache, struct err *err)
{
    const char *path = cache->run->opt.dest;
    struct fs_dir root = { 0 }, locks = { 0 };
    struct strbuf made = { 0 };
    struct fs_info info;
    int rc;

    if (check_link(cache, err) < 0 ||
        fs_look_through(NULL, cache->folder, &info, err) < 0)
        return -1;
    if (info.kind == FS_DIRECTORY)
        return 0;
    rc = fs_dir_open(&root, NULL, path, err);
    if (rc == 0)
        rc = fs_mkdir(&root, ".locks", 0777, err);
    if (rc == 0)
        rc = fs_dir_open(&locks, &root, ".locks", err);
    if (rc == 0)
        rc = fs_private_dir(&locks, ".", ".mpifetch-", &made, err);
    if (rc == 0) {
        rc = make_in(&locks, made.data, &root, strrchr(cache->folder, '/') + 1, err);
        fs_remove_tree(&locks, made.data, NULL);
    }
    strbuf_release(&made);
    fs_dir_close(&locks);
    fs_dir_close(&root);
    return rc;
}

/* The library's own switch, or a file system without symlinks. */
static bool without_symlinks(const struct run *run)
{
    if (hub_env_is_on("HF_HUB_DISABLE_SYMLINKS") ||
        fs_symlink("tree", &run->staging.dir, "link", NULL) < 0)
        return true;
    fs_unlink(&run->staging.dir, "link", NULL);
    return false;
}

static int place_fresh(struct striping *striping, uint32_t i, struct err *err)
{
    striping_make(striping, i);
    return segments_of(&striping->run->segments, i) > 1
               ? staging_place_large(striping->run, i, err)
               : 0;
}

/* Create empty files, and those that several ranks write to. */
static int place_files(const struct cache *cache, struct err *err)
{
    const struct run *run = cache->run;
    struct striping striping;
    int rc = 0;

    striping_begin(&striping, run);
    for (uint32_t i = 0; i < run->plan.nfiles && rc == 0; i++) {
        if (cache->state[i] != CACHE_FETCH)
            continue;
        if (run->plan.files[i].size == 0)
            rc = fs_write_all(&run->staging.tree, staging_name(run, i), "", 0, false,
                              false, err);
        else if (!resume_place(run->staging.resume, i))
            rc = place_fresh(&striping, i, err);
    }
    striping_end(&striping);
    return rc;
}

const char cache_staged[] = "snapshot";

const char *cache_staged_name(const struct cache *cache, size_t i, char name[FS_NAME])
{
    return fs_format(name, "%s/%s", cache_staged, plan_path(&cache->run->plan, i));
}

static int stage_link(const struct cache *cache, size_t i, const struct fs_dir *snapshot,
                      struct err *err)
{
    const struct plan *plan = &cache->run->plan;
    const char *path = plan_path(plan, i);
    struct strbuf text = { 0 };
    int rc;

    hub_cache_link(path, plan_text(plan, plan->files[i].etag), &text);
    rc = text.failed ? err_memory(err, "a path")
                     : fs_symlink(text.data, snapshot, path, err);
    strbuf_release(&text);
    return rc;
}

/* Before anything is fetched: two names may be one here, or one of them in the snapshot
 * that is there already. */
static int stage_name(const struct cache *cache, size_t i, const struct fs_dir *snapshot,
                      const struct fs_dir *shown, struct err *err)
{
    const struct run *run = cache->run;
    const char *path = plan_path(&run->plan, i);

    if (twin_check_fresh(run, shown, path, err) < 0 ||
        twin_check_fresh(run, snapshot, path, err) < 0)
        return -1;
    return cache->copies ? fs_write_all(snapshot, path, "", 0, false, false, err)
                         : stage_link(cache, i, snapshot, err);
}

static int stage_names(const struct cache *cache, struct err *err)
{
    struct run *run = cache->run;
    struct fs_dir snapshot = { 0 }, shown = { 0 };
    char name[FS_NAME];
    int rc = -1;

    fs_format(name, "snapshots/%s", plan_text(&run->plan, run->plan.revision));
    if (fs_dir_below(&snapshot, &run->staging.dir, cache_staged, err) == 0 &&
        fs_dir_below(&shown, &run->staging.parent, name, err) == 0 &&
        fs_mkdir(&snapshot, ".", 0777, err) == 0)
        rc = staging_make_directories(run, &snapshot, NULL, NULL, err);
    for (size_t i = 0; i < run->plan.nfiles && rc == 0; i++) {
        if (i % STAGE_POLL == 0)
            rc = background_poll(&run->ranks, err);
        if (rc == 0 && cache->state[i] != CACHE_SHOWN)
            rc = stage_name(cache, i, &snapshot, &shown, err);
    }
    fs_dir_close(&snapshot);
    fs_dir_close(&shown);
    return rc;
}

static int check_space(const struct cache *cache, struct err *err)
{
    uint64_t bytes = 0, files = 16;

    for (size_t i = 0; i < cache->run->plan.nfiles; i++) {
        if (cache->state[i] == CACHE_FETCH) {
            bytes += cache->run->plan.files[i].size;
            files++;
        }
        if (cache->state[i] != CACHE_SHOWN)
            files++;
    }
    bytes = resume_missing(cache->run->staging.resume, cache->existing.file, bytes);
    return staging_check_space(cache->run, bytes, files, err);
}

/* The commit and the ref count as well: a run that waited for another
 * finds its own ref. */
int cache_identify(const struct cache *cache, char id[65], struct err *err)
{
    const struct plan *plan = &cache->run->plan;
    struct strbuf more = { 0 };
    int rc;

    strbuf_addf(&more, "%s %s\n", plan_text(plan, plan->revision),
                plan_text(plan, plan->ref));
    rc = more.failed ? err_memory(err, "the plan")
                     : identity_make(plan, more.data, id, err);
    strbuf_release(&more);
    return rc;
}

/* As the library does; one that is there stays. */
static int make_root(const char *path, struct err *err)
{
    struct fs_dir root = { 0 };

    if (fs_mkdirs(NULL, path, err) < 0 || fs_dir_open(&root, NULL, path, err) < 0)
        return -1;
    fs_write_all(&root, "CACHEDIR.TAG", hub_cache_tag, strlen(hub_cache_tag), false,
                 false, NULL);
    fs_dir_close(&root);
    return 0;
}

int cache_claim(struct cache *cache, struct err *err)
{
    struct run *run = cache->run;
    char id[65];

    run->layout = RUN_BLOBS;
    if (make_root(run->opt.dest, err) < 0 || make_folder(cache, err) < 0 ||
        cache_identify(cache, id, err) < 0)
        return -1;
    return staging_open_parent(run, cache->folder, err) < 0
               ? -1
               : claim_take(run, ".mpifetch-", id, err);
}

/* Directories that what is staged is renamed into, in the end. */
static int check_directories(const struct run *run, struct err *err)
{
    static const char *const names[] = { "blobs", "snapshots", "refs", "trees" };
    const struct fs_dir *folder = &run->staging.parent;
    struct fs_info info;

    for (size_t i = 0; i < countof(names); i++) {
        if (fs_look(folder, names[i], &info, err) < 0)
            return -1;
        if (info.kind == FS_MISSING)
            continue;
        if (info.kind != FS_DIRECTORY || fs_is_mount(folder, names[i]))
            return err_set(
                err, ERR_DEST,
                "'%s/%s' is %s, but files can only be renamed into a directory "
                "of the same file system: use another cache",
                folder->path, names[i],
                info.kind == FS_SYMLINK     ? "a symbolic link"
                : info.kind == FS_DIRECTORY ? "a mount point"
                                            : "not a directory");
        if (!fs_is_writable(folder, names[i]))
            return err_set(err, ERR_DEST,
                           "this user may not write to '%s/%s': have its owner share it "
                           "(chmod g+w), or use another cache",
                           folder->path, names[i]);
    }
    return 0;
}

int cache_stage(struct cache *cache, struct err *err)
{
    struct run *run = cache->run;

    if (check_space(cache, err) < 0 || check_directories(run, err) < 0)
        return -1;
    cache->copies = without_symlinks(run);
    /* What moves there is as if it had been made there. */
    fs_traits_inherit(&run->staging.parent, "blobs", &run->staging.tree, ".");
    fs_traits_inherit(&run->staging.parent, "snapshots", &run->staging.dir, ".");
    if (staging_check_names(run, err) < 0 || stage_names(cache, err) < 0)
        return -1;
    return place_files(cache, err);
}
