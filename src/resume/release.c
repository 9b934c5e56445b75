#include <stdlib.h>
#include <string.h>

#include "io/fs/fs.h"
#include "io/heartbeat.h"
#include "ranks/background.h"
#include "resume/claim.h"
#include "resume/journal.h"
#include "resume/leftovers.h"

static int count_name(void *arg, const char *name, struct err *err)
{
    (void)name;
    (void)err;
    ++*(unsigned *)arg;
    return 0;
}

static bool holds_something(const struct run *run)
{
    char *journal = fs_join(run->staging.path, "journal");
    unsigned count = claim_layers(run);

    if (journal)
        fs_list(journal, count_name, &count, NULL);
    free(journal);
    return count > 0;
}

/* By a rename of what is there: the disk may be full. */
static void release(const struct run *run)
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
    struct remains_removal removal = { run, run->opt.dest,
                                       background_ask(&run->ranks, NULL) < 0 };
    struct strbuf dir = { 0 };
    bool removed;

    strbuf_add(&dir, run->staging.path,
               (size_t)(strrchr(run->staging.path, '/') - run->staging.path));
    removed = leftovers_remove(&removal, run->staging.path);
    end_beat(run);
    if (!removed && fs_is_there(run->staging.path, "owner")) {
        release(run);
        log_line(&run->ranks.log, LOG_WARN,
                 "not all of '%s' could be removed, a file in it may be open: mpifetch "
                 "clean removes it later",
                 run->staging.path);
    }
    if (!dir.failed)
        fs_remove_empty(dir.data, NULL);
    strbuf_release(&dir);
}

void claim_leave(struct run *run, enum claim_end end)
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
    } else if (end == CLAIM_REMOVE || !holds_something(run)) {
        discard(run);
    } else {
        end_beat(run);
        if (end == CLAIM_RELEASE)
            release(run);
        log_line(&run->ranks.log, LOG_WARN,
                 "fetched data is kept in '%s': run the same command again to resume, or "
                 "mpifetch clean to remove it",
                 run->staging.path);
    }
}
