#include "staging/staging.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/fs/fs.h"
#include "io/heartbeat.h"
#include "io/nap.h"
#include "ranks/wants.h"
#include "staging/existing.h"
#include "staging/headroom.h"
#include "staging/twin.h"

/* A small file takes a block on most file systems, and an entry in the manifest. */
enum { STAGING_FILE_COST = 4096 };

static const double patience = 5.0; /* seconds */

static void close_own(struct run_staging *staging)
{
    fs_dir_close(&staging->home);
    fs_dir_close(&staging->dir);
    fs_dir_close(&staging->tree);
}

/* path is .../parent/home/run-XXXXXX, and only in front of the last two may be links. */
static int open_own(struct run_staging *staging, struct err *err)
{
    char text[FS_NAME], *name, *home;

    close_own(staging);
    fs_format(text, "%s", staging->path);
    name = strrchr(text, '/');
    *name++ = '\0';
    home = strrchr(text, '/');
    *home++ = '\0';
    if (!staging->parent.path &&
        fs_dir_open(&staging->parent, NULL, *text ? text : "/", err) < 0)
        return -1;
    if (fs_dir_open(&staging->home, &staging->parent, home, err) < 0 ||
        fs_dir_below(&staging->dir, &staging->home, name, err) < 0)
        return -1;
    return fs_dir_below(&staging->tree, &staging->dir, "tree", err);
}

static void close_all(struct run_staging *staging)
{
    close_own(staging);
    fs_dir_close(&staging->parent);
}

int staging_open_parent(struct run *run, const char *path, struct err *err)
{
    close_all(&run->staging);
    return fs_mkdirs(NULL, path, err) < 0
               ? -1
               : fs_dir_open(&run->staging.parent, NULL, path, err);
}

/* The name of a former run's may be what this node still sees. */
static bool is_there(const struct run_staging *staging)
{
    struct fs_info info;

    return fs_look(&staging->dir, ".", &info, NULL) == 0 && info.kind == FS_DIRECTORY;
}

/* Whoever may write to the directory of DEST can have put another one in its place. */
static int check_owner(struct run_staging *staging, struct err *err)
{
    if (fs_dir_is_mine(&staging->home, &staging->parent))
        return 0;
    err_set(err, ERR_DEST,
            "'%s' is not this user's: somebody has put it in the place of the staging "
            "directory of this run",
            staging->home.path);
    /* Nothing of it is touched any more. */
    heartbeat_stop(staging->heartbeat);
    staging->heartbeat = NULL;
    close_own(staging);
    return -1;
}

int staging_open(struct run *run, struct err *err)
{
    double until = clock_now() + patience;
    struct nap nap = { .shortest = 0.001, .longest = 0.1 };
    struct run_staging *staging = &run->staging;

    while (!run->keeper && clock_now() < until &&
           (open_own(staging, NULL) < 0 || !is_there(staging))) {
        nap_take(&nap);
        fs_refresh(NULL, staging->path);
    }
    return open_own(staging, err) < 0 ? -1 : check_owner(staging, err);
}

int staging_open_hashed(struct run *run, struct err *err)
{
    close_all(&run->staging);
    return fs_dir_open_user(&run->staging.tree, run->staging.hashed, err);
}

void staging_close(struct run *run)
{
    close_all(&run->staging);
    free(run->staging.path);
    free(run->staging.hashed);
    run->staging.path = run->staging.hashed = NULL;
}

int staging_check_space(const struct run *run, uint64_t bytes, uint64_t files,
                        struct err *err)
{
    const char *dir = run->staging.parent.path;
    struct fs_space space;
    char need[32], have[32];

    bytes += files * STAGING_FILE_COST;
    if (fs_space(&run->staging.parent, ".", &space, err) < 0)
        return -1;
    if (space.bytes < bytes)
        return err_set_why(err, ERR_DEST, REASON_DISK_FULL,
                           "not enough space in '%s': %s free, %s needed for '%s'", dir,
                           text_bytes(have, sizeof(have), space.bytes),
                           text_bytes(need, sizeof(need), bytes), run->opt.dest);
    if (space.inodes < files)
        return err_set_why(err, ERR_DEST, REASON_DISK_FULL,
                           "not enough inodes in '%s': %llu free, %llu needed for '%s'",
                           dir, (unsigned long long)space.inodes,
                           (unsigned long long)files, run->opt.dest);
    return headroom_check(run, bytes, err);
}

const char *staging_name(const struct run *run, uint32_t file)
{
    const struct plan *plan = &run->plan;

    return run->layout == RUN_BLOBS ? plan_text(plan, plan->files[file].etag)
                                    : plan_path(plan, file);
}

const char *staging_kept_name(const struct run *run, uint32_t where, uint32_t file,
                              char name[FS_NAME])
{
    const char *path = staging_name(run, file);

    return where == STAGING_KEPT ? fs_format(name, "kept/tree/%s", path)
                                 : fs_format(name, "kept/more/%u/%s",
                                             (unsigned)(where - STAGING_KEPT), path);
}

/* Files are sorted, so a directory that the path before had as well needs no second
 * mkdir. */
int staging_make_directories(const struct run *run, const struct fs_dir *dir,
                             int (*made)(void *arg, const char *name, struct err *err),
                             void *arg, struct err *err)
{
    const char *before = "";
    char name[FS_NAME];

    for (size_t i = 0; i < run->plan.nfiles; i++) {
        const char *file = plan_path(&run->plan, i);
        size_t same = 0;

        while (file[same] && file[same] == before[same])
            same++;
        for (const char *slash = strchr(file, '/'); slash;
             slash = strchr(slash + 1, '/')) {
            size_t len = (size_t)(slash - file);

            if (len < same)
                continue;
            fs_format(name, "%.*s", (int)len, file);
            if (twin_check_fresh(run, dir, name, err) < 0 ||
                fs_mkdir(dir, name, 0777, err) < 0 || (made && made(arg, name, err) < 0))
                return -1;
        }
        before = file;
    }
    return 0;
}

int staging_check_names(const struct run *run, struct err *err)
{
    struct fs_info info;
    size_t one, other;

    if (!plan_twins(&run->plan, &one, &other))
        return 0;
    if (fs_look(&run->staging.dir, "TREE", &info, err) < 0)
        return -1;
    if (info.kind == FS_MISSING)
        return 0;
    return err_set(
        err, ERR_DEST,
        "'%s' and '%s' would be the same file: the file system of '%s' ignores case",
        plan_path(&run->plan, one), plan_path(&run->plan, other), run->opt.dest);
}

int staging_place_large(const struct run *run, uint32_t file, struct err *err)
{
    const struct fs_dir *tree = &run->staging.tree;
    const char *name = staging_name(run, file);
    int fd = fs_open_write(tree, name, err);
    int rc = fd < 0 ? -1 : fs_set_size(fd, tree, name, run->plan.files[file].size, err);

    if (fd >= 0 && fs_close(fd, tree, name, err) < 0)
        rc = -1;
    return rc;
}

int staging_give_up(const struct run *run, uint32_t file, struct existing_file *known,
                    struct err *err)
{
    log_line(&run->ranks.log, LOG_WARN,
             "%s: '%s/%s' is not what it was when it was published, though its size and "
             "time are: it comes again",
             comm_host(run->ranks.comm, run->ranks.rank), run->opt.dest,
             plan_path(&run->plan, file));
    if (fs_unlink(&run->staging.tree, staging_name(run, file), err) < 0)
        return -1;
    known->there = false;
    return wants_file(run, file) && segments_of(&run->segments, file) > 1
               ? staging_place_large(run, file, err)
               : 0;
}
