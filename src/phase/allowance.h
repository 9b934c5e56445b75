/* phase/allowance.h -- rank 0: the rate limit of the whole job, shared among the ranks
 * that have something to do, so that a rank that is idle keeps nothing from the others.
 */
#ifndef PHASE_ALLOWANCE_H
#define PHASE_ALLOWANCE_H

#include "core/sched.h"
#include "phase/run.h"

struct allowance {
    struct run *run;
    const unsigned *slots; /* of each rank; borrowed */
    uint64_t *told;        /* bytes per second, of each rank */
    double looked;         /* clock_now of the last look; 0: none yet */
};

/* slots: of each rank, borrowed until allowance_release. */
int allowance_begin(struct allowance *allowance, struct run *run, const unsigned *slots,
                    struct err *err);

/* Cheap; the first time, and then once a second, it looks who is busy and tells the
 * ranks whose share has changed. Does nothing where there is no limit. */
int allowance_share(struct allowance *allowance, const struct sched *sched,
                    struct err *err);

void allowance_release(struct allowance *allowance);

#endif
