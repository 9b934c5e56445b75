/* coordinate/steering.h -- rank 0 steers the connections of the job: how many each rank may
 * have, by core/sched/governor.h, and which are replaced, by core/sched/health.h.
 *
 * Life cycle   steering_init; steering_hear for each PROGRESS; steering_step each turn;
 *              steering_release. */
#ifndef COORDINATE_STEERING_H
#define COORDINATE_STEERING_H

#include "coordinate/dispatch.h"
#include "core/sched/egress.h"
#include "core/sched/governor.h"
#include "core/sched/health.h"

struct steering_rank {
    unsigned most, told; /* connections that it may be told, and was */
    unsigned running, waiting, resting;
    uint64_t fetched;
};

struct steering {
    struct dispatch *dispatch; /* borrowed, as is the next */
    const struct egress *egress;
    struct governor governor;
    struct health health;
    struct steering_rank *rank;
    int *node;
    uint64_t to_fetch;
    int shut; /* ranks that cannot reach the source, as the shares were dealt */
};

/* slots: of each rank, to begin with; to_fetch: bytes of the run. */
int steering_init(struct steering *steering, struct dispatch *dispatch,
                  const struct egress *egress, const unsigned *slots, uint64_t to_fetch,
                  struct err *err);
void steering_release(struct steering *steering);

void steering_hear(struct steering *steering, int from, const struct msg *msg,
                   double now);

/* The source refused a request and is to be asked less. */
void steering_refused(struct steering *steering);

int steering_step(struct steering *steering, struct err *err);

/* With --per-node: ERR_NETWORK if something is to be fetched, and with fewer connections
 * than ranks all are those of nodes that have failed. */
int steering_check(const struct steering *steering, struct err *err);

#endif
