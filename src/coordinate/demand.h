/* coordinate/demand.h -- rank 0, where each node has a disk of its own: which files are
 * still wanted by some node that has not failed. Nothing more is fetched of the others.
 *
 * Life cycle   demand_open; demand_drop as nodes fail; demand_release, which takes a zeroed
 *              struct as well. */
#ifndef COORDINATE_DEMAND_H
#define COORDINATE_DEMAND_H

#include "coordinate/dispatch.h"
#include "core/sched/proofs.h"
#include "core/sched/spread.h"

/* For the scheduler: a node fetches what it wants itself, as long as that is possible. NULL
 * if each wants everything. What it returns has ranks only until sched_create has ended. */
struct demand_ranks {
    const struct run *run;
    const unsigned *slots; /* of each rank */
    struct shelf_groups groups;
};
const struct shelf_groups *demand_groups(struct demand_ranks *ranks);

struct demand {
    struct dispatch *dispatch; /* borrowed */
    uint32_t *nodes;           /* of each file: those that want it */
};

/* What each node wants, and which have failed, is taken from run->nodes; and told to spread
 * and proofs. */
int demand_open(struct demand *demand, struct dispatch *dispatch, struct spread *spread,
                struct proofs *proofs, struct err *err);
void demand_release(struct demand *demand);

/* The node has failed, and its ranks hold nothing any more. */
void demand_drop(struct demand *demand, int node);

bool demand_has(const struct demand *demand, uint32_t file);
bool demand_is_of_one(const struct demand *demand, uint32_t file); /* node */

#endif
