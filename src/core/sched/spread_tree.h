/* core/sched/spread_tree.h -- the tree along which a run of segments goes.
 *
 * Grown node by node: whoever can send one more copy first, sends it to the next node, the
 * one that can pass it on soonest. A node passes on each segment as it comes, and sends one
 * copy of the run after the other. So the tree is what the moment asks for:
 *  - long runs make chains, in which each node sends one copy;
 *  - single segments make binomial trees, of the least depth;
 *  - nodes whose links have much to do, or are slow, are leaves; as what they have to do
 *    counts, all nodes come to send about equally much;
 *  - a slow root sends one copy, which a fast node multiplies. */
#ifndef CORE_SCHED_SPREAD_TREE_H
#define CORE_SCHED_SPREAD_TREE_H

#include <stdint.h>

#include "base/err.h"

/* Preorder: a node, and at once behind it all that are below it. */
struct spread_hop {
    uint16_t node;
    uint16_t nodes; /* of its subtree, itself included */
};

/* A node of the tree to be. */
struct spread_stop {
    int node;
    uint32_t parent;          /* a stop; set by spread_tree_grow */
    double in_free, out_free; /* when its links have done what they have to do, seconds */
    double in_time, out_time; /* that they take for the run */
};

struct spread_tree;

int spread_tree_create(struct spread_tree **out, int nodes, struct err *err);
void spread_tree_destroy(struct spread_tree *tree);

/* The first stop is the root. The others are put into the order in which they join.
 * part: of the run that comes first, before which nothing can be passed on. hop: count - 1
 * of them. */
void spread_tree_grow(struct spread_tree *tree, struct spread_stop *stop, uint32_t count,
                      double part, struct spread_hop *hop);

#endif
