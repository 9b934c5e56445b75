#include "resume/claim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/fs/fs.h"
#include "io/heartbeat.h"
#include "io/owner_file.h"
#include "ranks/background.h"
#include "resume/kept.h"
#include "resume/owner_watch.h"
#include "resume/release.h"
#include "resume/run_dir.h"
#include "resume/unused.h"
#include "staging/staging.h"

static const double LOOK = 0.25; /* seconds between two looks */

enum {
    EMPTY = 40, /* checks of a name that exists although nobody uses it */
    BEGIN = 10  /* attempts to create a directory that others consider a dead run's */
};

/* The staging of that name in parent, and the run of that name in it. */
static int set_staging(struct run *run, const char *name, const char *inner,
                       struct err *err)
{
    struct strbuf path = { 0 };

    strbuf_addf(&path, "%s/%s/%s", run->staging.parent.path, name, inner);
    free(run->staging.path);
    run->staging.path = strbuf_steal(&path);
    return run->staging.path ? staging_open(run, err) : err_memory(err, "a path");
}

/* If it is killed before it has an owner, it leaves only what others see has just begun
 * (resume/run_dir.h). What has none is nobody's to remove, so the owner must outlive a
 * power failure. */
static int fill(struct run *run, struct err *err)
{
    struct run_staging *staging = &run->staging;
    const char *owner = staging->owner ? staging->owner : "";

    if (fs_mkdir(&staging->dir, ".", 0700, err) < 0 ||
        owner_file_write(&staging->dir, ".", owner, strlen(owner), run->opt.sync, err) <
            0 ||
        fs_mkdir(&staging->tree, ".", 0777, err) < 0 ||
        fs_mkdir(&staging->dir, "journal", 0700, err) < 0 ||
        (run->opt.cache && unused_note_ref(run, err) < 0))
        return -1;
    return heartbeat_start(&staging->heartbeat, &staging->dir, err);
}

static int prepare_once(struct run *run, const char *prefix, struct strbuf *own,
                        struct err *err)
{
    char name[RUN_DIR_NAME];

    strbuf_clear(own);
    if (fs_private_dir(&run->staging.parent, ".", prefix, own, err) < 0)
        return -1;
    run_dir_name(name, own->data);
    return set_staging(run, own->data, name, err) < 0 ? -1 : fill(run, err);
}

/* Create a private directory with everything that a staging has, so that nobody ever sees
 * an incomplete one. *own is its path. */
static int prepare(struct run *run, const char *prefix, struct strbuf *own,
                   struct err *err)
{
    for (unsigned tries = 1;; tries++) {
        if (prepare_once(run, prefix, own, err) == 0)
            return 0;
        if (tries == BEGIN || own->len == 0 ||
            (run->staging.dir.path && owner_file_is_there(&run->staging.dir)))
            return -1;
        /* Another run may have removed it, since it was empty. */
        err_clear(err);
        fs_remove_empty(&run->staging.parent, own->data, NULL);
    }
}

static const char *why_taken(enum owner_watch_end end)
{
    switch (end) {
    case OWNER_WATCH_GONE:
        return "has ended";
    case OWNER_WATCH_REQUEUED:
        return "was this job before it was requeued";
    default:
        return "gives no sign of life";
    }
}

/* 0: no run has the name any more, or it was taken over from a dead one. 1: the other
 * run has ended. 2: it goes on, and this one does without the name. */
static int face(struct run *run, const struct fs_dir *other, struct err *err)
{
    enum owner_watch_end end;
    int rc = owner_watch_keep(run, other, &end, err);

    if (rc == 0 && end == OWNER_WATCH_LIVES)
        return 2;
    if (rc == 0 && end == OWNER_WATCH_LEFT) {
        rc = 1;
    } else if (rc == 0) {
        log_line(&run->ranks.log, LOG_INFO,
                 "the run that was fetching '%s' %s: taking over", run->opt.dest,
                 why_taken(end));
        rc = kept_take(run, other, end == OWNER_WATCH_GONE, err);
    }
    /* The run that took it over from a dead one is about to win the name. */
    if (rc == 1)
        clock_sleep(LOOK);
    return rc;
}

/* The staging was renamed: so is all that is in it. */
static int move_in(struct run *run, const char *name, struct err *err)
{
    char inner[FS_NAME];

    fs_format(inner, "%s", fs_dir_name(&run->staging.dir));
    return set_staging(run, name, inner, err) < 0
               ? -1
               : heartbeat_move(run->staging.heartbeat, &run->staging.dir, err);
}

/* Win the name, wait for another run, or do without the name. */
static int elect(struct run *run, const char *own, const char *name, struct err *err)
{
    const struct fs_dir *parent = &run->staging.parent;

    for (unsigned empty = 0; empty < EMPTY;) {
        struct run_dir other;
        bool readable;
        int rc = 0;

        if (fs_rename(parent, own, parent, name, FS_RENAME_NEW, NULL) == 0)
            return move_in(run, name, err);
        if (errno != EEXIST && errno != ENOTEMPTY)
            return 0;
        run_dir_find(&other, parent, name, &readable);
        if (other.run.path) {
            empty = 0;
            run->staging.contended = true;
            rc = face(run, &other.run, err);
        } else if (readable) {
            empty++;
            clock_sleep(LOOK);
            rc = background_poll(&run->ranks, err);
        }
        run_dir_close(&other);
        /* Another user's: each fetches, and the later publish wins. */
        if (!readable || rc != 0)
            return rc == 2 ? 0 : rc;
    }
    return 0;
}

struct search {
    struct run *run;
    const char *prefix;
};

/* A staging of other content, or of this one before it had its name. If its run is
 * certainly gone its files are reused, since this content may have the same ones, or
 * it is removed. */
static int deal_with(struct run *run, struct run_dir *other, struct err *err)
{
    const struct fs_dir *parent = &run->staging.parent;
    int rc = 0;

    if (!other->run.path || !owner_watch_is_signed(&other->run)) {
        run_dir_drop_empty(other, parent);
    } else if (owner_watch_is_gone(&other->run)) {
        rc = kept_take(run, &other->run, true, err) < 0 ? -1 : 0;
        fs_remove_empty(parent, fs_dir_name(&other->staging), NULL);
    }
    return rc;
}

static int look_at_one(void *arg, const char *name, struct err *err)
{
    const struct search *search = arg;
    struct run *run = search->run;
    struct run_dir other;
    bool readable;
    int rc = 0;

    if (!run_dir_is_staging(name, search->prefix))
        return 0;
    run_dir_find(&other, &run->staging.parent, name, &readable);
    if (readable && !(other.run.path && strcmp(other.run.path, run->staging.path) == 0))
        rc = deal_with(run, &other, err);
    run_dir_close(&other);
    return rc;
}

int claim_take(struct run *run, const char *prefix, const char *id, struct err *err)
{
    char name[FS_NAME];
    struct strbuf own = { 0 };
    int rc = prepare(run, prefix, &own, err);

    fs_format(name, "%s%.*s", prefix, RUN_DIR_ID, id);
    if (rc == 0)
        rc = elect(run, own.data, name, err);
    if (rc == 0) {
        struct search search = { run, prefix };

        /* A favour to the next run; this one is complete without. */
        fs_list(&run->staging.parent, ".", look_at_one, &search, NULL);
    }
    /* It may have taken something over before another run won. */
    if (rc != 0)
        release_staging(run, RELEASE_HAND_OVER);
    strbuf_release(&own);
    return rc;
}

int claim_check(const struct run *run, struct err *err)
{
    if (!heartbeat_lost(run->staging.heartbeat))
        return 0;
    return err_set(err, ERR_INTERRUPTED,
                   "the staging directory for '%s' was taken over by another run (no "
                   "heartbeat for %d s) or removed: run again",
                   run->opt.dest, OWNER_PATIENCE);
}

/* Nothing has its name any more, or something else has. What cannot be looked at may be
 * there: a directory above it may have been closed to this user. */
static bool is_gone(const struct run *run)
{
    const struct fs_dir *dir = &run->staging.dir;

    if (heartbeat_lost(run->staging.heartbeat))
        return true;
    if (fs_dir_same(dir, NULL) < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ESTALE;
    return !fs_is_there(dir, "owner");
}

static int fail_lost(const struct run *run, struct err *err)
{
    return err_set(err, ERR_INTERRUPTED,
                   "'%s' was taken over by another run or removed: run again",
                   run->staging.path);
}

int claim_confirm(const struct run *run, struct err *err)
{
    fs_refresh(&run->staging.dir, ".");
    if (claim_check(run, err) < 0)
        return -1;
    if (is_gone(run))
        return fail_lost(run, err);
    return fs_dir_same(&run->staging.dir, err) < 0
               ? -1
               : fs_dir_same(&run->staging.parent, err);
}

void claim_explain(const struct run *run, struct err *err)
{
    struct err lost = { 0 };

    if (err->code != ERR_DEST || !run->staging.heartbeat || !is_gone(run))
        return;
    if (claim_check(run, &lost) == 0)
        fail_lost(run, &lost);
    lost.rank = err->rank;
    *err = lost;
}
