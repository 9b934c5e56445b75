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

#endif
