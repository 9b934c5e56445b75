/* resume/owner_watch.h -- does the run that owns a staging still live? Rank 0.
 *
 * Certain is what it said itself (released), and what is known of its processes
 * (core/state/owner.h). For the rest there is its number (io/heartbeat.h): while it
 * grows the run lives, and where it has not grown for OWNER_PATIENCE it counts as dead.
 * Only the clock of the one who looks is asked, and only for how long. */
#ifndef RESUME_OWNER_WATCH_H
#define RESUME_OWNER_WATCH_H

#include "ranks/run.h"

enum { OWNER_PATIENCE = 30 }; /* seconds */

enum owner_watch_end {
    OWNER_WATCH_LEFT, /* the staging is not there any more */
    OWNER_WATCH_GONE, /* its run is certainly gone */
    OWNER_WATCH_SILENT /* nothing was heard of it for so long, or it is this Slurm job before it
                  * was requeued: a node of it may still write */
};

/* staging: a run-XXXXXX of resume/claim.h, or kept of resume/kept.h. */
bool owner_watch_is_gone(const char *staging);

/* Its number; 0 where there is none. */
uint64_t owner_watch_number(const char *staging);

/* Look until it has ended in one of these ways, and say for whom the run waits. -1: *err,
 * on a signal. */
int owner_watch_keep(struct run *run, const char *staging, enum owner_watch_end *end,
                     struct err *err);

#endif
