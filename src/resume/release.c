#include "resume/release.h"

#include <stdlib.h>
#include <string.h>

#include "io/fs/fs.h"
#include "io/heartbeat.h"
#include "ranks/background.h"
#include "resume/journal.h"
#include "resume/kept.h"
#include "resume/leftovers.h"

static bool holds_something(const struct run *run)
{
    return kept_is_there(run) || journal_is_there(run->staging.path);
}

/* By a rename of what is there: the disk may be full. */
static void hand_over(const struct run *run)
{
    char *beat = fs_join(run->staging.path, "beat"),
         *to = fs_join(run->staging.path, "released");

    if (to && (!beat || fs_rename(beat, to, FS_RENAME_REPLACE, NULL) < 0))
        fs_write_all(to, "", 0, true, false, NULL);
    free(beat);
    free(to);
}

static void end_beat(struct run *run)
{
    heartbeat_stop(run->staging.heartbeat);
    run->staging.heartbeat = NULL;
}

/* It beats until all is removed, which may take long: a signal ends that, unless one has
 * led to it. */
static void discard(struct run *run)
{
    struct leftovers_removal removal = { run, run->opt.dest,
                                         background_ask(&run->ranks, NULL) < 0 };
    struct strbuf dir = { 0 };
    bool removed;

    strbuf_add(&dir, run->staging.path,
               (size_t)(strrchr(run->staging.path, '/') - run->staging.path));
    removed = leftovers_remove(&removal, run->staging.path);
    end_beat(run);
    if (!removed && fs_is_there(run->staging.path, "owner")) {
        hand_over(run);
        log_line(&run->ranks.log, LOG_WARN,
                 "not all of '%s' could be removed, a file in it may be open: mpifetch "
                 "clean removes it later",
                 run->staging.path);
    }
    if (!dir.failed)
        fs_remove_empty(dir.data, NULL);
    strbuf_release(&dir);
}

void release_staging(struct run *run, enum release_how how)
{
    if (run->ranks.rank != 0 || !run->staging.path)
        return;
    if (heartbeat_lost(run->staging.heartbeat) ||
        !fs_is_there(run->staging.path, "owner")) {
        end_beat(run);
    } else if (journal_is_void(run)) {
        log_line(&run->ranks.log, LOG_WARN,
                 "fetched data is not kept: after the failed sync or close it may not be "
                 "on the disk");
        discard(run);
    } else if (how == RELEASE_REMOVE || !holds_something(run)) {
        discard(run);
    } else {
        end_beat(run);
        if (how == RELEASE_HAND_OVER)
            hand_over(run);
        log_line(&run->ranks.log, LOG_WARN,
                 "fetched data is kept in '%s': run the same command again to resume, or "
                 "mpifetch clean to remove it",
                 run->staging.path);
    }
}
