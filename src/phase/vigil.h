/* phase/vigil.h -- does the run that owns a staging still live? Rank 0.
 *
 * Certain is what it said itself (released), and what is known of its processes and of
 * its batch job (core/owner.h). For the rest there is its number (io/beat.h): while it
 * grows the run lives, and where it has not grown for VIGIL_PATIENCE it counts as dead.
 * Only the clock of the one who looks is asked, and only for how long. */
#ifndef PHASE_VIGIL_H
#define PHASE_VIGIL_H

#include "phase/run.h"

enum { VIGIL_PATIENCE = 30 }; /* seconds */

enum vigil {
    VIGIL_LEFT,   /* the staging is not there any more */
    VIGIL_GONE,   /* its run is certainly gone */
    VIGIL_SILENT, /* nothing was heard of it for so long */
    VIGIL_LIVES   /* its number has grown */
};

/* staging: a run-XXXXXX or an old-N of phase/custody.h. */
bool vigil_is_gone(const char *staging);

/* Look until it has ended in one of these ways; VIGIL_LIVES is one only if asked for, and
 * otherwise whoever waits is told on whom. -1: *err, on a signal. */
int vigil_keep(struct run *run, const char *staging, bool until_life, enum vigil *end,
               struct err *err);

#endif
