/* ranks/background.h -- work of a rank that may take long and calls no MPI (a listing, a
 * tree to build, a sync), on a thread of its own, while the main thread goes on to hear
 * others and to be heard: nobody considers it dead, and a signal or a failure elsewhere
 * reaches the work through background_poll.
 *
 * Threads      the main thread waits here, so what the work touches is its own meanwhile,
 *              except for the communicator and what agree and liveness keep in ranks. */
#ifndef RANKS_BACKGROUND_H
#define RANKS_BACKGROUND_H

#include "base/err.h"

struct ranks;

/* Not collective; all that others send meanwhile is kept. Returns what work returns, with
 * its error. */
int background_run(struct ranks *ranks, int (*work)(void *arg, struct err *err),
                   void *arg, struct err *err);

/* While a rank works alone between two steps, in the background or on its main thread: -1
 * and *err if a signal came here, another rank gave up, or one is lost. Cheap enough to
 * call hundreds of times a second. */
int background_poll(struct ranks *ranks, struct err *err);

/* The same, before a step that cannot be taken back: all that has reached this process by
 * now counts. */
int background_ask(struct ranks *ranks, struct err *err);

#endif
