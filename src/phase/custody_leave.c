#include <stdlib.h>
#include <string.h>

#include "io/beat.h"
#include "io/fs.h"
#include "phase/custody.h"
#include "phase/journal.h"
#include "phase/remains.h"

static int count_name(void *arg, const char *name, struct err *err)
{
    (void)name;
    (void)err;
    ++*(unsigned *)arg;
    return 0;
}

static bool holds_something(const struct run *run)
{
    char *journal = fs_join(run->staging, "journal");
    unsigned count = custody_layers(run);

    if (journal)
        fs_list(journal, count_name, &count, NULL);
    free(journal);
    return count > 0;
}

/* By a rename of what is there: the disk may be full. */
static void release(const struct run *run)
{
    char *beat = fs_join(run->staging, "beat"), *to = fs_join(run->staging, "released");

    if (to && (!beat || fs_rename(beat, to, FS_RENAME_REPLACE, NULL) < 0))
        fs_write_all(to, "", 0, true, false, NULL);
    free(beat);
    free(to);
}

static void end_beat(struct run *run)
{
    beat_stop(run->beat);
    run->beat = NULL;
}

/* It beats until all is removed, which may take long: a signal ends that, unless one has
 * led to it. */
static void discard(struct run *run)
{
    struct remains_removal removal = { run, run->opt.dest, agree_ask(run, NULL) < 0 };
    struct strbuf dir = { 0 };
    bool removed;

    strbuf_add(&dir, run->staging, (size_t)(strrchr(run->staging, '/') - run->staging));
    removed = remains_remove(&removal, run->staging);
    end_beat(run);
    if (!removed && fs_is_there(run->staging, "owner")) {
        release(run);
        log_line(&run->log, LOG_WARN,
                 "'%s' could not be removed whole, somebody may have a file of it open: "
                 "mpifetch clean removes it later",
                 run->staging);
    }
    if (!dir.failed)
        fs_remove_empty(dir.data, NULL);
    strbuf_release(&dir);
}

void custody_leave(struct run *run, enum custody_end end)
{
    if (run->rank != 0 || !run->staging)
        return;
    if (beat_lost(run->beat) || !fs_is_there(run->staging, "owner")) {
        end_beat(run);
    } else if (journal_is_void(run)) {
        log_line(&run->log, LOG_WARN,
                 "what was fetched is not kept: the disk may not have what it seems to "
                 "have");
        discard(run);
    } else if (end == CUSTODY_REMOVE || !holds_something(run)) {
        discard(run);
    } else {
        end_beat(run);
        if (end == CUSTODY_RELEASE)
            release(run);
        log_line(&run->log, LOG_WARN,
                 "what was fetched is kept in '%s': the same command continues, and "
                 "mpifetch clean removes it",
                 run->staging);
    }
}
