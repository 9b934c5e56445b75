#include "resume/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/fs/fs.h"
#include "ranks/background.h"
#include "resume/discard.h"
#include "resume/leftovers.h"
#include "resume/owner_watch.h"
#include "resume/record_sweep.h"
#include "resume/run_dir.h"

static const double LOOK = 0.5; /* seconds between two looks */
static const double SLOW = 2;   /* seconds after which a look says nothing */
static const double SWEEP_MOST = 10 * OWNER_PATIENCE; /* seconds of watching in all */
static const char doctor[] = ".mpifetch-doctor-", scratch[] = "mpifetch-";

enum { SUFFIX = 6 };

/* A staging whose run may be alive. */
struct sweep_doubt {
    struct sweep_doubt *next;
    char *parent, *name, *run;
    uint64_t number; /* at first */
    bool lives;
};

static void say(const struct sweep *sweep, const char *path)
{
    log_line(&sweep->run->ranks.log, LOG_WARN, "%s '%s'",
             sweep->only_say ? "would remove" : "removed", path);
}

/* Somebody else made it, or mpifetch did and had no time to say so. */
static void leave(struct sweep *sweep, const char *path)
{
    sweep->alive++;
    log_line(&sweep->run->ranks.log, sweep->published ? LOG_INFO : LOG_WARN,
             "keeping '%s': it has no owner file of mpifetch", path);
}

static void refuse(struct sweep *sweep, const char *path, const struct err *why)
{
    sweep->refused++;
    log_line(&sweep->run->ranks.log, LOG_WARN, "keeping '%s': %s", path, why->text);
}

static void remove_staging(struct sweep *sweep, const struct fs_dir *parent,
                           const char *name, const struct fs_dir *run)
{
    struct err why = { 0 };
    int rc = sweep->only_say ? 0 : discard_run(sweep->run, parent, name, run, &why);

    if (rc < 0)
        refuse(sweep, run->path, &why);
    if (rc != 0)
        return;
    sweep->removed++;
    say(sweep, run->path);
    if (!sweep->only_say)
        fs_remove_empty(parent, name, NULL);
}

static int doubt(struct sweep *sweep, const struct fs_dir *parent, const char *name,
                 const struct fs_dir *run, struct err *err)
{
    struct sweep_doubt *doubt = calloc(1, sizeof(*doubt));

    if (doubt) {
        doubt->parent = strdup(parent->path);
        doubt->name = strdup(name);
        doubt->run = strdup(fs_dir_name(run));
        doubt->number = owner_watch_number(run);
        doubt->next = sweep->doubts;
        sweep->doubts = doubt;
    }
    return doubt && doubt->parent && doubt->name && doubt->run
               ? 0
               : err_memory(err, "a path");
}

static void sweep_signed(struct sweep *sweep, const struct fs_dir *parent,
                         const char *name, const struct fs_dir *dir)
{
    struct err why = { 0 };

    if (!owner_watch_is_gone(dir)) {
        sweep->alive++;
        log_line(&sweep->run->ranks.log, LOG_INFO,
                 "keeping '%s': its process may still be running", dir->path);
    } else if (!sweep->only_say && discard_directory(parent, name, dir, &why) < 0) {
        refuse(sweep, dir->path, &why);
    } else {
        sweep->removed++;
        say(sweep, dir->path);
    }
}

/* What clean had moved and was killed before it knew whether that was what it had found
 * (resume/discard.h). false: there is nothing of the kind. */
static bool sweep_taken(struct sweep *sweep, const struct fs_dir *parent,
                        const struct fs_dir *dir)
{
    struct fs_dir taken = { 0 };
    bool is = fs_dir_open(&taken, dir, DISCARD_TAKEN, NULL) == 0 &&
              fs_dir_is_mine(&taken, dir) && owner_watch_is_signed(&taken);

    if (is)
        sweep_signed(sweep, dir, DISCARD_TAKEN, &taken);
    if (is && !sweep->only_say)
        fs_remove_empty(parent, fs_dir_name(dir), NULL);
    fs_dir_close(&taken);
    return is;
}

/* A directory with the name of its process in it. */
static void sweep_plain(struct sweep *sweep, const struct fs_dir *parent,
                        const char *name)
{
    struct fs_dir dir = { 0 };

    if (fs_dir_open(&dir, parent, name, NULL) == 0 && fs_dir_is_mine(&dir, parent)) {
        if (owner_watch_is_signed(&dir))
            sweep_signed(sweep, parent, name, &dir);
        else if (!sweep_taken(sweep, parent, &dir))
            leave(sweep, dir.path);
    }
    fs_dir_close(&dir);
}

/* A staging has the id of its content for its name, or none. */
static bool is_wanted(const struct sweep *sweep, const struct fs_dir *parent,
                      const char *name, const struct fs_dir *run)
{
    const char *id = run_dir_mark(name) + strlen(".mpifetch-");

    return sweep->published && strncmp(sweep->published, id, RUN_DIR_ID) != 0 &&
           leftovers_are_resumable(parent, sweep->run->opt.dest, run);
}

static int sweep_run(struct sweep *sweep, const struct fs_dir *parent, const char *name,
                     const struct fs_dir *run, struct err *err)
{
    if (!owner_watch_is_signed(run))
        leave(sweep, run->path);
    else if (is_wanted(sweep, parent, name, run))
        log_line(&sweep->run->ranks.log, LOG_INFO,
                 "'%s' keeps what an earlier run had fetched of other content",
                 run->path);
    else if (owner_watch_is_gone(run))
        remove_staging(sweep, parent, name, run);
    else
        return doubt(sweep, parent, name, run, err);
    return 0;
}

static int sweep_staging(struct sweep *sweep, const struct fs_dir *parent,
                         const char *name, struct err *err)
{
    struct run_dir found;
    bool readable;
    int rc = 0;

    run_dir_find(&found, parent, name, &readable);
    if (readable && !sweep->only_say)
        run_dir_drop_empty(&found, parent);
    if (found.run.path)
        rc = sweep_run(sweep, parent, name, &found.run, err);
    else if (readable && found.staging.path && fs_is_there(&found.staging, "."))
        sweep_plain(sweep, parent, name);
    run_dir_close(&found);
    return rc;
}

struct listing {
    struct sweep *sweep;
    const struct fs_dir *dir;
    const char *name; /* NULL: of any destination */
    bool scratch;
};

/* Whether a name is that of a staging of any destination, or of one. */
static bool is_staging(const char *entry, const char *name)
{
    const char *end = run_dir_mark(entry);
    char prefix[FS_NAME];

    if (!end || *entry != '.')
        return false;
    if (name)
        fs_format(prefix, ".%s.mpifetch-", name);
    else
        fs_format(prefix, "%.*s.mpifetch-", (int)(end - entry), entry);
    return run_dir_is_staging(entry, prefix);
}

static bool has_suffix(const char *entry, const char *prefix)
{
    return text_starts(entry, prefix) && strlen(entry) == strlen(prefix) + SUFFIX;
}

/* Records of a destination that is there are its own run's affair. */
static void sweep_records(struct sweep *sweep, const struct fs_dir *dir,
                          const char *entry, const char *dest)
{
    char path[FS_NAME];

    if (fs_is_there(dir, dest) || !record_sweep(dir, dest, sweep->only_say))
        return;
    sweep->removed++;
    say(sweep, fs_format(path, "%s/%s", dir->path, entry));
}

static int visit(void *arg, const char *entry, struct err *err)
{
    const struct listing *listing = arg;
    struct sweep *sweep = listing->sweep;
    bool plain = listing->scratch ? has_suffix(entry, scratch)
                                  : !listing->name && has_suffix(entry, doctor);
    char dest[FS_NAME];
    int rc = 0;

    if (plain)
        sweep_plain(sweep, listing->dir, entry);
    else if (!listing->scratch && is_staging(entry, listing->name))
        rc = sweep_staging(sweep, listing->dir, entry, err);
    else if (!listing->scratch && record_sweep_dest(entry, dest) &&
             (!listing->name || strcmp(dest, listing->name) == 0))
        sweep_records(sweep, listing->dir, entry, dest);
    /* The other ranks wait for rank 0 in the next step. */
    return rc < 0 || !sweep->run->keeper ? rc : background_poll(&sweep->run->ranks, err);
}

static int list(struct sweep *sweep, const char *path, const char *name, bool scratch_dir,
                struct err *err)
{
    struct fs_dir dir = { 0 };
    struct listing listing = { sweep, &dir, name, scratch_dir };
    struct fs_info info;
    int rc = fs_look_through(NULL, path, &info, err);

    if (rc < 0 || info.kind != FS_DIRECTORY)
        return rc;
    rc = fs_dir_open(&dir, NULL, path, err);
    if (rc == 0)
        rc = fs_list(&dir, ".", visit, &listing, err);
    fs_dir_close(&dir);
    return rc;
}

int sweep_stagings(struct sweep *sweep, const char *dir, const char *name,
                   struct err *err)
{
    return list(sweep, dir, name, false, err);
}

int sweep_scratch(struct sweep *sweep, const char *dir, struct err *err)
{
    return list(sweep, dir, NULL, true, err);
}

/* false: its run has ended, or somebody else has it. */
static bool find_again(const struct sweep_doubt *doubt, struct fs_dir *parent,
                       struct run_dir *found)
{
    bool readable;

    *found = (struct run_dir){ 0 };
    if (fs_dir_open(parent, NULL, doubt->parent, NULL) < 0)
        return false;
    run_dir_find(found, parent, doubt->name, &readable);
    return found->run.path && strcmp(fs_dir_name(&found->run), doubt->run) == 0 &&
           owner_watch_is_signed(&found->run);
}

static void end_doubt(struct sweep *sweep, const struct sweep_doubt *doubt,
                      const struct fs_dir *parent, const struct run_dir *found)
{
    if (!doubt->lives) {
        remove_staging(sweep, parent, doubt->name, &found->run);
        return;
    }
    sweep->alive++;
    log_line(&sweep->run->ranks.log, LOG_WARN, "keeping '%s': its run is active",
             found->run.path);
}

static void decide(struct sweep *sweep, const struct sweep_doubt *doubt)
{
    struct fs_dir parent = { 0 };
    struct run_dir found;

    if (find_again(doubt, &parent, &found))
        end_doubt(sweep, doubt, &parent, &found);
    run_dir_close(&found);
    fs_dir_close(&parent);
}

static void look_at_all(const struct sweep *sweep)
{
    for (struct sweep_doubt *doubt = sweep->doubts; doubt; doubt = doubt->next) {
        struct fs_dir parent = { 0 };
        struct run_dir found;

        if (find_again(doubt, &parent, &found))
            doubt->lives |= owner_watch_number(&found.run) > doubt->number;
        run_dir_close(&found);
        fs_dir_close(&parent);
    }
}

int sweep_wait(struct sweep *sweep, struct err *err)
{
    double left = OWNER_PATIENCE, end = clock_now() + SWEEP_MOST;

    if (!sweep->doubts)
        return 0;
    log_line(&sweep->run->ranks.log, LOG_WARN,
             "some runs may still be active: watching their heartbeats for %d s",
             OWNER_PATIENCE);
    while (left > 0) {
        double began;

        if (background_poll(&sweep->run->ranks, err) < 0)
            return -1;
        clock_sleep(LOOK);
        began = clock_now();
        look_at_all(sweep);
        /* While a file system hangs no run can update its heartbeat. */
        if (clock_now() < began + SLOW)
            left -= LOOK;
        else if (clock_now() > end)
            break;
    }
    for (struct sweep_doubt *doubt = sweep->doubts; doubt; doubt = doubt->next) {
        doubt->lives |= left > 0; /* nothing was found out */
        decide(sweep, doubt);
    }
    return 0;
}

void sweep_release(struct sweep *sweep)
{
    while (sweep->doubts) {
        struct sweep_doubt *doubt = sweep->doubts;

        sweep->doubts = doubt->next;
        free(doubt->parent);
        free(doubt->name);
        free(doubt->run);
        free(doubt);
    }
}
