/* resume/owner_watch.h -- whether the run that owns a staging still lives. Rank 0.
 *
 * It is certainly gone if it said so itself (released), or if its processes are known to
 * be gone (core/state/owner.h). Otherwise its number is watched (io/heartbeat.h): while
 * it grows the run lives; once it has not grown for OWNER_PATIENCE the run is considered
 * dead. Only the clock of the watching process is used, and only for durations. */
#ifndef RESUME_OWNER_WATCH_H
#define RESUME_OWNER_WATCH_H

#include "ranks/run.h"

enum { OWNER_PATIENCE = 30 }; /* seconds */

enum owner_watch_end {
    OWNER_WATCH_LEFT,     /* the staging is not there any more */
    OWNER_WATCH_GONE,     /* its run is certainly gone */
    OWNER_WATCH_SILENT,   /* no sign of life for OWNER_PATIENCE: a node may still write */
    OWNER_WATCH_REQUEUED, /* it is this Slurm job before it was requeued: as well */
    /* It lives, and this run does not wait for its end: of two jobs on the same nodes
     * (nodes_spread) each might own a staging where the other waits. */
    OWNER_WATCH_LIVES
};

/* staging: a run-XXXXXX of resume/claim.h, or kept of resume/kept.h. */
bool owner_watch_is_gone(const struct fs_dir *staging);

/* Whether a directory is one of mpifetch: its owner file says whose. */
bool owner_watch_is_signed(const struct fs_dir *dir);

/* The number in its heartbeat; 0 if there is none. */
uint64_t owner_watch_number(const struct fs_dir *staging);

/* Watch until it has ended in one of these ways, and log for whom the run waits. -1 and
 * *err on a signal. */
int owner_watch_keep(struct run *run, const struct fs_dir *staging,
                     enum owner_watch_end *end, struct err *err);

#endif
