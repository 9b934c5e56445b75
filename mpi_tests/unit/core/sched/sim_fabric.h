/* sim_fabric.h -- the planner of what nodes pass on to each other, against up to 1,024
 * nodes and an invented clock.
 *
 * Each node fetches from the source over a link of its own, and has a link into the fabric
 * and one out of it: each carries one segment after the other, in the order in which they
 * come to it, and those to different nodes do not wait for each other. What rank 0 hears
 * and says takes `latency`. */
#ifndef SIM_FABRIC_H
#define SIM_FABRIC_H

#include "core/sched/spread.h"

struct sim_link {
    double wan, in, out; /* bytes per second; wan 0: none */
};

struct sim_fabric_config {
    uint64_t seed;
    int nodes;
    uint32_t segments; /* of a MiB */
    uint32_t small;    /* files of 1 to 1000 bytes beside them */
    uint32_t lease;    /* most segments that are fetched together, and land together */
    double latency;
    bool greedy; /* each node fetches what it can get, whatever core/sched/lag.h says */
    struct spread_policy policy;
    double corrupt; /* of transfers */
    double rot;     /* of segments that a node has told of: it has them no more */
    int drops;      /* nodes that fail, one after the other */
    double skip;    /* of files, for each node */
};

struct sim_fabric_result {
    double took, bound; /* seconds */
    double ideal;       /* seconds that the links make it last, whoever fetches what */
    double others;      /* until all but one node had everything */
    uint64_t tickets, transfers, fetched;
    uint64_t twice; /* transfers of what the node had */
    uint32_t deepest;
};

struct sim_fabric;

/* All nodes have the same links; sim_fabric_link changes one. */
struct sim_fabric *sim_fabric_create(const struct sim_fabric_config *config,
                                     struct sim_link all);
void sim_fabric_link(struct sim_fabric *sim, int node, struct sim_link link);

/* Fails the test if the planner does not come to an end, or says that it has although some
 * node lacks something. */
struct sim_fabric_result sim_fabric_run(struct sim_fabric *sim);
void sim_fabric_destroy(struct sim_fabric *sim);

#endif
