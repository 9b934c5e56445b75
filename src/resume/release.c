#include "resume/release.h"

#include <stdlib.h>
#include <string.h>

#include "io/fs/fs.h"
#include "io/heartbeat.h"
#include "ranks/background.h"
#include "resume/journal.h"
#include "resume/kept.h"
#include "resume/leftovers.h"
#include "resume/record_sweep.h"
#include "resume/unused.h"

static bool holds_something(const struct run *run)
{
    return kept_is_there(run) || journal_is_there(&run->staging.dir);
}

/* By renaming an existing file: the disk may be full. */
static void hand_over(const struct run *run)
{
    const struct fs_dir *dir = &run->staging.dir;

    if (fs_rename(dir, "beat", dir, "released", FS_RENAME_REPLACE, NULL) < 0)
        fs_write_all(dir, "released", "", 0, true, false, NULL);
}

static void end_beat(struct run *run)
{
    heartbeat_stop(run->staging.heartbeat);
    run->staging.heartbeat = NULL;
}

/* The heartbeat continues until all is removed, which may take long. A signal stops the
 * removal, unless a signal was the reason for it. */
static void discard(struct run *run)
{
    const struct run_staging *staging = &run->staging;
    struct leftovers_removal removal = { run, &staging->parent, run->opt.dest,
                                         background_ask(&run->ranks, NULL) < 0 };
    struct err why = { 0 };
    int rc = leftovers_remove(&removal, &staging->dir, &why);

    end_beat(run);
    if (rc < 0 && fs_is_there(&run->staging.dir, "owner")) {
        hand_over(run);
        log_line(&run->ranks.log, LOG_WARN,
                 "not all of '%s' could be removed: %s; the next run or mpifetch clean "
                 "tries again",
                 run->staging.path, why.text);
    }
    fs_remove_empty(&staging->parent, fs_dir_name(&staging->home), NULL);
    /* Last: whether an old tree in staging has files of others, its record tells. */
    if (!run->opt.cache)
        record_sweep(&staging->parent, run->opt.dest, false);
}

static void say_kept(const struct run *run)
{
    log_line(&run->ranks.log, LOG_WARN,
             "fetched data is kept in '%s'%s: run the same command again to resume, or "
             "mpifetch clean to remove it",
             run->staging.path,
             journal_is_doubted(&run->staging.dir)
                 ? ", but what was not on the disk before the failed sync or close will "
                   "be fetched again"
                 : "");
}

void release_staging(struct run *run, enum release_how how)
{
    if (!run->keeper || !run->staging.dir.path)
        return;
    if (heartbeat_lost(run->staging.heartbeat) ||
        !fs_is_there(&run->staging.dir, "owner")) {
        end_beat(run);
    } else if (how == RELEASE_REMOVE || how == RELEASE_OWN || !holds_something(run)) {
        if (how == RELEASE_OWN)
            unused_leave(run);
        else if (how != RELEASE_REMOVE && journal_is_doubted(&run->staging.dir))
            log_line(&run->ranks.log, LOG_WARN,
                     "fetched data is not kept: after the failed sync or close it may "
                     "not be on the disk");
        discard(run);
    } else {
        end_beat(run);
        if (how == RELEASE_HAND_OVER)
            hand_over(run);
        say_kept(run);
    }
    /* Another run may have it from here on. */
    fs_dir_close(&run->staging.dir);
}
