/* ranks/background.h -- runs work of a rank that may take long and calls no MPI (a
 * listing, a tree to build, a sync) on a thread of its own. The main thread meanwhile
 * receives messages and sends signs of life: no other rank considers this one lost, and a
 * signal or a failure elsewhere reaches the work through background_poll.
 *
 * Threads      the main thread waits here, so the work may use everything that belongs to
 *              the main thread, except the communicator and the members agree and
 *              liveness of struct ranks. */
#ifndef RANKS_BACKGROUND_H
#define RANKS_BACKGROUND_H

#include "base/err.h"

struct ranks;

/* Not collective; messages that arrive meanwhile are kept. Returns what work returns,
 * with its error. */
int background_run(struct ranks *ranks, int (*work)(void *arg, struct err *err),
                   void *arg, struct err *err);

/* While a rank works alone between two steps, in the background or on its main thread: -1
 * and *err if this rank got a signal, another failed, or one is lost. Cheap enough to
 * call hundreds of times a second. */
int background_poll(struct ranks *ranks, struct err *err);

/* The same, before a step that cannot be undone: every signal and message that has
 * reached this process counts. */
int background_ask(struct ranks *ranks, struct err *err);

#endif
