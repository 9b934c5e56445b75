/* phase/aside.h -- work of a rank that may take long and calls no MPI (a listing, a tree
 * to build, a sync), on a thread of its own, while the main thread goes on to hear others
 * and to be heard: nobody takes it for dead, and a signal or a failure elsewhere reaches
 * the work through agree_poll.
 *
 * Threads      the main thread waits here, so what the work touches is its own meanwhile,
 *              except for the communicator, run->agree, and what the vigil keeps in run.
 */
#ifndef PHASE_ASIDE_H
#define PHASE_ASIDE_H

#include "base/err.h"

struct run;
struct aside;

/* Not collective; all that others send meanwhile is kept. Returns what work returns, with
 * its error. */
int aside_run(struct run *run, int (*work)(void *arg, struct err *err), void *arg,
              struct err *err);

/* The work asks: -1 and *err once it should end. */
int aside_poll(struct aside *aside, struct err *err);

/* The same, once the main thread has listened anew: what others had sent by then counts.
 */
int aside_ask(struct aside *aside, struct err *err);

#endif
