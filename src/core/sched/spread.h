/* core/sched/spread.h -- which node passes which segments on to which others, so that every
 * node gets all that it wants.
 *
 * Nodes count from 0. What a node has, it has fetched from the source, or got from another
 * node, or it was there. A ticket sends a run of neighbouring segments from one node along
 * a tree of others (core/sched/spread_tree.h): each passes on what it gets, and what it is
 * offered although it has it.
 *
 * Life cycle   spread_create, after which every node wants everything; spread_skip;
 *              spread_have, spread_lack, spread_failed, spread_drop as nodes report; after
 *              each, spread_next until it returns false, and send what it returns;
 *              spread_finished; spread_destroy.
 * Memory       2 bits for each node (of 64, 128, ...) and segment, 1 for each node and file,
 *              6 bytes for each segment, 4 KiB for each node: 155 MiB for 5 TB in segments
 *              of 8 MiB and 1,024 nodes, 20 MiB for 1 TB in segments of 1 MiB and 4 nodes.
 * Cost         0.2 microseconds for each node that a ticket goes to, with its report.
 * Invariant    for each node and segment that it wants, exactly one holds: it has it, one
 *              ticket brings it, or it needs it. So nothing comes twice, unless a transfer
 *              has failed.
 *
 * Flow control. A node is hungry as long as less than half a window is on its way to it.
 * Hungry nodes cause tickets, and each ticket goes to all who need its segments and have
 * less than a whole window coming. So equal nodes share tickets, whereas one that lags is
 * passed over, and gets later what it needs, from whoever has it and has least to send, at
 * its own speed. No speeds are measured: what is under way to and from each node says all
 * that is needed.
 *
 * Failures. What did not come by one way is sent another way, if there is one. Those that
 * should have got it from the node that missed it get it by new tickets. */
#ifndef CORE_SCHED_SPREAD_H
#define CORE_SCHED_SPREAD_H

#include "core/plan/segment.h"
#include "core/sched/spread_tree.h"

enum {
    SPREAD_RUN = 64,             /* most segments of a ticket */
    SPREAD_RUN_BYTES = 1 << 20,  /* longer runs leave links idle in turn */
    SPREAD_WINDOW = 128 << 20,   /* bytes; half of it is too little for 64 nodes */
    SPREAD_WINDOW_SEGMENTS = 128 /* the same, where segments are longer than a MiB */
};

struct spread_policy {
    uint64_t window; /* bytes on their way to a node */
    uint64_t run;    /* most bytes of a ticket of several segments */
};

struct spread_policy spread_policy(const struct segments *segments);

/* Bytes of the longest ticket, but for those of one segment that is longer than others. */
uint64_t spread_longest(const struct segments *segments);

/* Neighbouring segments by their numbers: a run may go over the ends of files. */
struct spread_ticket {
    uint32_t first, count;
    int from;
    uint32_t nhops;
    const struct spread_hop *hop; /* in preorder; valid until the next call */
};

struct spread;

/* ERR_USAGE for more than 65535 nodes. */
int spread_create(struct spread **out, const struct segments *segments, int nodes,
                  const struct spread_policy *policy, struct err *err);
void spread_destroy(struct spread *spread);

/* The node does not want that file. Before the first spread_have. A node may have segments
 * that it does not want: then it only passes them on. */
void spread_skip(struct spread *spread, int node, uint32_t file);

/* The node has these. */
void spread_have(struct spread *spread, int node, uint32_t first, uint32_t count);

/* What the node has of them is bad, or gone. It sends no more of it: those that were to get
 * it from there get it by new tickets. */
void spread_lack(struct spread *spread, int node, uint32_t first, uint32_t count);

/* These did not come over from one node to the other. They come to `to` another way, if
 * there is one and it has not got them meanwhile. Those below `to` in the tree get them by
 * new tickets: `to` forgets whom it should have passed them on to. */
void spread_failed(struct spread *spread, int from, int to, uint32_t first,
                   uint32_t count);

/* The node is neither a source nor a target any more. Those below it in a tree get their
 * segments by new tickets. */
void spread_drop(struct spread *spread, int node);

/* From now on no ticket has any of the file, until all nodes lack all of it. true: nothing of
 * it is under way. */
bool spread_withhold(struct spread *spread, uint32_t file);

/* The file turns out to be one segment (PLAN_WHOLE, which its plan has by the time of this
 * call): no node has anything of it. Nothing of it may be under way. */
void spread_whole(struct spread *spread, uint32_t file);

/* false: nothing to send until a node reports something. */
bool spread_next(struct spread *spread, struct spread_ticket *ticket);

/* Of what comes to a node from others. */
struct spread_inflow {
    uint64_t came;   /* bytes so far */
    uint64_t coming; /* bytes that tickets bring */
    uint64_t lacks;  /* bytes that others have and it lacks, those among them */
};
struct spread_inflow spread_inflow(const struct spread *spread, int node);

/* Some node has the segment. */
bool spread_anywhere(const struct spread *spread, uint32_t segment);

/* One of those that have it; -1. */
int spread_holder(const struct spread *spread, uint32_t segment);

/* The node has all that it wants. */
bool spread_complete(const struct spread *spread, int node);

/* So has every node that was not dropped. */
bool spread_finished(const struct spread *spread);

#endif
