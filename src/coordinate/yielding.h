/* coordinate/yielding.h -- rank 0, where each node has a disk of its own: ranks of nodes that
 * leave the rest of the source to others (core/sched/lag.h) are granted nothing for a while.
 *
 * Life cycle   yielding_open; yielding_step each turn; yielding_release, which takes a zeroed
 *              struct as well. */
#ifndef COORDINATE_YIELDING_H
#define COORDINATE_YIELDING_H

#include "coordinate/steering.h"
#include "core/sched/lag.h"
#include "core/sched/spread.h"

struct yielding {
    const struct steering *steering; /* borrowed, as are the next two */
    const struct spread *spread;
    struct sched *sched;
    struct lag *lag; /* NULL: nodes want different files, and none yields */
    struct lag_node *node;
    bool some; /* yield */
    double looked;
};

int yielding_open(struct yielding *yielding, const struct steering *steering,
                  const struct spread *spread, struct err *err);
void yielding_release(struct yielding *yielding);

/* Of the ranks that have reached the source. now: as for the scheduler. */
void yielding_step(struct yielding *yielding, double now);

#endif
