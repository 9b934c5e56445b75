/* coordinate/rate_share.h -- rank 0: divides the rate limit of the job among the ranks
 * that are busy, so that an idle rank withholds nothing from the others. */
#ifndef COORDINATE_RATE_SHARE_H
#define COORDINATE_RATE_SHARE_H

#include "core/sched/sched.h"
#include "ranks/run.h"

struct rate_share {
    struct run *run;
    const unsigned *slots; /* of each rank; borrowed */
    uint64_t *told;        /* bytes per second, of each rank */
    double looked;         /* clock_now of the last look; 0: none yet */
};

/* slots: of each rank, borrowed until rate_share_release. */
int rate_share_begin(struct rate_share *share, struct run *run, const unsigned *slots,
                     struct err *err);

/* Cheap. The first time, and then once a second, it checks which ranks are busy and tells
 * those whose share has changed. Does nothing without a limit. */
int rate_share_tell(struct rate_share *share, const struct sched *sched, struct err *err);

void rate_share_release(struct rate_share *share);

#endif
