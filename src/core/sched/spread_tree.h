/* core/sched/spread_tree.h -- the tree along which a run of segments goes.
 *
 * What counts is that the links of all nodes are busy all the time, in both directions,
 * since then the fabric is what limits. With equal shares of the source each node sends
 * about as much as it gets, in whatever trees; but nodes wait for each other the more, the
 * more of them send to the same one at a time. By simulation (as mpi_tests/unit/core/sched/
 * sim_spread.c; share of the fabric's rate that is used while it is what limits, one run
 * each, with the better one of windows of 64 and 128 MiB):
 *
 *     nodes  chain  ring of chains  binomial  from one  4 each
 *        16   1.00            0.94      0.80      0.99    0.92
 *        64   0.86            0.92      0.75      0.73    0.92
 *       256   0.09            0.73         -      0.36    0.94
 *
 * A chain is best, but needs a window that grows with the number of nodes, and its end lags
 * by one segment per node. From one node is as good up to 16, but not if that one has more
 * to send than others. So each passes a run on to FAN others, those first that have least to
 * send, which levels what all send, and at equal loads in the order of their numbers from
 * the root on, which keeps senders apart. If the root has more to send than others, it sends
 * one copy to the one with least, which is the root for the rest: so a node that has most of
 * the files sends each segment once. Those that lag behind are leaves. */
#ifndef CORE_SCHED_SPREAD_TREE_H
#define CORE_SCHED_SPREAD_TREE_H

#include <stdbool.h>
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
    uint32_t parent; /* a stop; set by spread_tree_grow */
    uint64_t load;   /* bytes that it has to send, of this run apart */
    uint64_t behind; /* bytes that it lags behind */
    bool leaf;       /* it is to pass on nothing */
    uint32_t around; /* of spread_tree.c */
    uint64_t order;
};

struct spread_tree;

int spread_tree_create(struct spread_tree **out, int nodes, struct err *err);
void spread_tree_destroy(struct spread_tree *tree);

/* The first stop is the root. hop: count - 1 of them. */
void spread_tree_grow(struct spread_tree *tree, struct spread_stop *stop, uint32_t count,
                      struct spread_hop *hop);

#endif
