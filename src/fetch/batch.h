/* fetch/batch.h -- tasks of small files that end together, as one job of the pool: a file
 * alone costs less than to hand it to a thread, to wake the main one, and to tell the
 * coordinator.
 *
 * Life cycle   batch_add for each, which then belongs to its batch until its own job's
 *              done is called; batch_step each turn; batches_release once the pool is
 *              destroyed. */
#ifndef FETCH_BATCH_H
#define FETCH_BATCH_H

#include "fetch/small.h"

enum {
    BATCH_TASKS = 64,
    BATCH_BYTES = 1 << 20, /* of bodies: beyond that a batch takes no further one */
    BATCH_ROOM = 4         /* batches on the pool, with which the disk keeps up */
};

static const double batch_patience = 0.005; /* seconds */

struct batch {
    struct batch *next;
    struct batches *all;
    struct job job;
    struct small small;
    unsigned count;
    uint64_t bytes;
    double began;
    struct task *task[BATCH_TASKS];
};

struct batches {
    struct batch *open;  /* takes more, or NULL */
    struct batch *first; /* on the pool */
    unsigned running;    /* of these */
};

/* The task is LANDING, and its job has what to do: run on a thread of the pool, with
 * task->batch, and done on the main thread. Out of memory: -1. */
int batch_add(struct batches *batches, struct task *task, struct err *err);

/* Whether a batch goes to the pool: it is full, has waited for long enough, or nothing
 * comes that could be added. */
bool batch_is_due(unsigned count, uint64_t bytes, double age, bool alone);

/* alone: no transfer is running. */
void batch_step(struct batches *batches, bool alone);

void batches_release(struct batches *batches);

#endif
