/* phase/watch.h -- does the run that owns a staging still live? Rank 0.
 *
 * Certain is what it said itself (released), and what is known of its processes
 * (core/owner.h). For the rest there is its number (io/beat.h): while it
 * grows the run lives, and where it has not grown for WATCH_PATIENCE it counts as dead.
 * Only the clock of the one who looks is asked, and only for how long. */
#ifndef PHASE_WATCH_H
#define PHASE_WATCH_H

#include "phase/run.h"

enum { WATCH_PATIENCE = 30 }; /* seconds */

enum watch_end {
    WATCH_LEFT,  /* the staging is not there any more */
    WATCH_GONE,  /* its run is certainly gone */
    WATCH_SILENT /* nothing was heard of it for so long, or it is this Slurm job before it
                  * was requeued: a node of it may still write */
};

/* staging: a run-XXXXXX or an old-N of phase/custody.h. */
bool watch_is_gone(const char *staging);

/* Its number; 0 where there is none. */
uint64_t watch_number(const char *staging);

/* Look until it has ended in one of these ways, and say for whom the run waits. -1: *err,
 * on a signal. */
int watch_keep(struct run *run, const char *staging, enum watch_end *end,
               struct err *err);

#endif
