#include "resume/claim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/fs/fs.h"
#include "io/heartbeat.h"
#include "resume/kept.h"
#include "resume/owner_watch.h"
#include "resume/release.h"
#include "resume/run_dir.h"

static const double LOOK = 0.25; /* seconds between two looks */

enum {
    EMPTY = 40, /* looks at a name that stays taken although nobody is in it */
    BEGIN = 10  /* tries to make a directory that others take for a dead run's */
};

static int write_named(const char *dir, const char *name, const char *text,
                       struct err *err)
{
    char *path = fs_join(dir, name);
    int rc = path ? fs_write_all(path, text, strlen(text), true, false, err)
                  : err_memory(err, "a path");

    free(path);
    return rc;
}

/* The names of a run in staging, once it lies in dir. */
static int set_paths(struct run *run, const char *dir, const char *name, struct err *err)
{
    free(run->staging.path);
    free(run->staging.tree);
    free(run->staging.private_dir);
    run->staging.tree = run->staging.private_dir = NULL;
    run->staging.path = fs_join(dir, name);
    if (run->staging.path) {
        run->staging.tree = fs_join(run->staging.path, "tree");
        run->staging.private_dir = fs_join(run->staging.path, "spare");
    }
    return run->staging.tree && run->staging.private_dir ? 0 : err_memory(err, "a path");
}

static int fill(struct run *run, struct err *err)
{
    char *journal = fs_join(run->staging.path, "journal"),
         *beat = fs_join(run->staging.path, "beat");
    int rc = -1;

    /* Killed before it has said who it is, it leaves nothing but empty directories. */
    if (!journal || !beat)
        err_memory(err, "a path");
    else if (fs_mkdir(run->staging.path, 0700, err) == 0 &&
             write_named(run->staging.path, "owner",
                         run->staging.owner ? run->staging.owner : "", err) == 0 &&
             fs_mkdir(run->staging.tree, 0777, err) == 0 &&
             fs_mkdir(run->staging.private_dir, 0700, err) == 0 &&
             fs_mkdir(journal, 0700, err) == 0)
        rc = heartbeat_start(&run->staging.heartbeat, beat, err);
    free(journal);
    free(beat);
    return rc;
}

static int prepare_once(struct run *run, const char *parent, const char *prefix,
                        char **own, struct err *err)
{
    struct strbuf path = { 0 };
    char name[RUN_DIR_NAME];
    int rc = fs_private_dir(parent, prefix, &path, err);

    *own = rc == 0 ? strbuf_steal(&path) : NULL;
    strbuf_release(&path);
    if (!*own)
        return rc < 0 ? -1 : err_memory(err, "a path");
    run_dir_name(name, *own);
    return set_paths(run, *own, name, err) < 0 ? -1 : fill(run, err);
}

/* A private directory with all that a staging has, so that nobody ever sees half of one.
 * *own is its path. */
static int prepare(struct run *run, const char *parent, const char *prefix, char **own,
                   struct err *err)
{
    for (unsigned tries = 1;; tries++) {
        if (prepare_once(run, parent, prefix, own, err) == 0)
            return 0;
        if (tries == BEGIN || !*own || !run->staging.tree ||
            fs_is_there(run->staging.path, "."))
            return -1;
        /* Another run has swept it away, for it was empty. */
        err_clear(err);
        fs_remove_empty(*own, NULL);
        free(*own);
    }
}

/* 0: no run has the name any more, or it was taken over from a dead one. 1: the other
 * run has ended. */
static int face(struct run *run, const char *other, struct err *err)
{
    enum owner_watch_end end;
    int rc = owner_watch_keep(run, other, &end, err);

    if (rc == 0 && end == OWNER_WATCH_LEFT)
        rc = 1;
    else if (rc == 0)
        rc = kept_take(run, other, end == OWNER_WATCH_GONE, err);
    /* The run that took it over from a dead one is about to win the name. */
    if (rc == 1)
        clock_sleep(LOOK);
    return rc;
}

/* Win the name, wait, or do without it. */
static int elect(struct run *run, const char *own, const char *name, struct err *err)
{
    const char *slash = strrchr(run->staging.path, '/');

    for (unsigned empty = 0; empty < EMPTY;) {
        bool readable;
        char *other;
        int rc;

        if (fs_rename(own, name, FS_RENAME_NEW, NULL) == 0) {
            char *last = strdup(slash + 1), *beat;

            rc = last ? set_paths(run, name, last, err) : err_memory(err, "a path");
            beat = rc == 0 ? fs_join(run->staging.path, "beat") : NULL;
            if (rc == 0)
                rc = beat ? heartbeat_move(run->staging.heartbeat, beat, err)
                          : err_memory(err, "a path");
            free(last);
            free(beat);
            return rc;
        }
        if (errno != EEXIST && errno != ENOTEMPTY)
            return 0;
        other = run_dir_find(name, &readable);
        if (!readable)
            return 0; /* another user's: each fetches, and the later commit wins */
        if (!other) {
            empty++;
            clock_sleep(LOOK);
            continue;
        }
        empty = 0;
        run->staging.contended = true;
        rc = face(run, other, err);
        free(other);
        if (rc != 0)
            return rc;
    }
    return 0;
}

struct search {
    struct run *run;
    const char *parent, *prefix;
};

/* Of another content, or of this one before it had its name: what is certainly gone may
 * hold files that this content has too, and is not left lying about. */
static int deal_with(struct run *run, const char *dir, const char *other, struct err *err)
{
    int rc = 0;

    if (!other || !owner_watch_is_gone(other))
        fs_remove_empty(other ? other : dir, NULL); /* killed as it began, or not empty */
    else
        rc = kept_take(run, other, true, err) < 0 ? -1 : 0;
    fs_remove_empty(dir, NULL);
    return rc;
}

static int look_at_one(void *arg, const char *name, struct err *err)
{
    const struct search *search = arg;
    char *dir, *other = NULL;
    bool readable = false;
    int rc = 0;

    if (!run_dir_is_staging(name, search->prefix))
        return 0;
    dir = fs_join(search->parent, name);
    if (dir)
        other = run_dir_find(dir, &readable);
    if (readable && !(other && strcmp(other, search->run->staging.path) == 0))
        rc = deal_with(search->run, dir, other, err);
    free(other);
    free(dir);
    return rc;
}

int claim_take(struct run *run, const char *parent, const char *prefix, const char *id,
               struct err *err)
{
    struct strbuf name = { 0 };
    char *own = NULL;
    int rc;

    strbuf_addf(&name, "%s/%s%.*s", parent, prefix, RUN_DIR_ID, id);
    rc =
        name.failed ? err_memory(err, "a path") : prepare(run, parent, prefix, &own, err);
    if (rc == 0)
        rc = elect(run, own, name.data, err);
    if (rc == 0) {
        struct search search = { run, parent, prefix };

        /* A favour to the next run; this one is complete without. */
        fs_list(parent, look_at_one, &search, NULL);
    }
    /* It may have taken over something before another one won. */
    if (rc != 0)
        release_staging(run, RELEASE_HAND_OVER);
    free(own);
    strbuf_release(&name);
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

int claim_confirm(const struct run *run, struct err *err)
{
    fs_refresh(run->staging.path);
    if (claim_check(run, err) < 0)
        return -1;
    if (fs_is_there(run->staging.path, "owner"))
        return 0;
    return err_set(err, ERR_INTERRUPTED,
                   "'%s' was taken over by another run or removed: run again",
                   run->staging.path);
}

void claim_explain(const struct run *run, struct err *err)
{
    struct err lost = { 0 };

    if (err->code != ERR_DEST || !run->staging.heartbeat ||
        (!heartbeat_lost(run->staging.heartbeat) &&
         fs_is_there(run->staging.path, "owner")))
        return;
    claim_check(run, &lost);
    if (lost.code == ERR_NONE)
        err_set(&lost, ERR_INTERRUPTED,
                "'%s' was taken over by another run or removed: run again",
                run->staging.path);
    lost.rank = err->rank;
    *err = lost;
}
