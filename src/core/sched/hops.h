/* core/sched/hops.h -- what is on its way from one node to another.
 *
 * Life cycle   hops_create; hops_add with a ticket; hops_arrived as segments come to lie on
 *              a node; hops_cut for what will not come; hops_release.
 * Memory       16 bytes for each of HOPS_MOST runs to each node. */
#ifndef CORE_SCHED_HOPS_H
#define CORE_SCHED_HOPS_H

#include "core/plan/segment.h"

enum { HOPS_MOST = 256, HOPS_ANY = -1 };

/* A run of up to 64 segments. */
struct hop {
    uint64_t open; /* those that have not come, a bit each */
    uint32_t first;
    uint16_t from, to;
};

/* Segments from first, before end. */
struct run {
    uint32_t first, end;
};

struct hops {
    const struct segments *segments;
    struct hop *hop;    /* HOPS_MOST for each node that they go to */
    uint32_t *count;    /* in use, of each node */
    uint64_t *in, *out; /* bytes on their way to each node, and from it */
    uint64_t *came;     /* bytes that have come to each node */
    uint64_t bytes;     /* on their way to all nodes */
    bool *lost;         /* each node, while hops are cut */
    int nodes;
};

typedef void hops_back(void *of, int node, uint32_t segment);

int hops_create(struct hops *hops, const struct segments *segments, int nodes,
                struct err *err);
void hops_release(struct hops *hops);

/* The node has less than HOPS_MOST runs coming. */
bool hops_room(const struct hops *hops, int node);

void hops_add(struct hops *hops, int from, int to, uint32_t first, uint32_t count);

/* The node has the segment. false: none of these brought it. */
bool hops_arrived(struct hops *hops, int node, uint32_t segment);

/* Something of the run is on its way to some node. */
bool hops_bring(const struct hops *hops, struct run run);

/* Nothing comes any more of the run from `from` (HOPS_ANY: from whatever node) to `to`
 * (HOPS_ANY), and what was to be passed on of it below `to` does not come either. back is
 * called for each segment that a node does not get. */
void hops_cut(struct hops *hops, int from, int to, struct run run, hops_back *back,
              void *of);

#endif
