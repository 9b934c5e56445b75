/* core/sched/spread.h -- which node passes which segments on to which others, so that every
 * node gets all that it wants.
 *
 * Nodes count from 0. What a node has, it has fetched from the source, or got from another
 * node, or it was there. A ticket sends a run of neighbouring segments from one node along
 * a tree of others: each passes on what it gets, segment by segment.
 *
 * Life cycle   spread_create, after which every node wants everything; spread_skip;
 *              spread_have, spread_lack, spread_failed, spread_speed, spread_drop as nodes
 *              report; after each, spread_next until it returns false, and send what it
 *              returns; spread_finished; spread_destroy.
 * Time         an argument: seconds from any origin, never going back.
 * Memory       2 bits for each node and segment, 1 for each node and file, 5 bytes for each
 *              segment, 2 KiB for each node: 155 MiB for 5 TB in segments of 8 MiB and
 *              1,024 nodes, less than 1 MiB for 1 TB and 4 nodes.
 * Invariant    for each node and segment that it wants, exactly one holds: it has it, one
 *              ticket brings it, or it needs it. So nothing comes twice, unless a transfer
 *              has failed.
 *
 * Flow control. A node is hungry as long as less than half a window is on its way to it.
 * Hungry nodes cause tickets, and each ticket goes to all who need its segments and have
 * less than a whole window coming. So equal nodes share tickets, whereas one that lags is
 * passed over, and gets later what it needs, from whoever has it, at its own speed.
 *
 * The tree (core/sched/spread_tree.h). */
#ifndef CORE_SCHED_SPREAD_H
#define CORE_SCHED_SPREAD_H

#include "core/plan/segment.h"
#include "core/sched/spread_tree.h"

enum {
    SPREAD_RUN = 64,           /* most segments of a ticket */
    SPREAD_RUN_BYTES = 8 << 20 /* most bytes, if there are several segments */
};

struct spread_policy {
    uint64_t
        window;   /* bytes on their way to a node; and from one, of tickets it begins */
    uint64_t run; /* most bytes of a ticket of several segments */
};

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
void spread_have(struct spread *spread, int node, uint32_t first, uint32_t count,
                 double now);

/* What the node has of them is bad, or gone. What it was about to pass on of it fails:
 * spread_failed for each transfer. */
void spread_lack(struct spread *spread, int node, uint32_t first, uint32_t count);

/* These did not come over from one node to the other. They come to `to` another way, if
 * there is one. Those below `to` in the tree get them by new tickets: `to` forgets whom it
 * should have passed them on to. Nothing happens for what `to` has, or does not expect from
 * `from`. */
void spread_failed(struct spread *spread, int from, int to, uint32_t first,
                   uint32_t count, double now);

/* What the links of a node carry, bytes per second; 0: unknown. */
void spread_speed(struct spread *spread, int node, double in, double out);

/* The node is neither a source nor a target any more. Those below it in a tree get their
 * segments by new tickets. */
void spread_drop(struct spread *spread, int node);

/* The file turns out to be one segment (PLAN_WHOLE, which its plan has by the time of this
 * call): no node has anything of it. Nothing of it may be under way. */
void spread_whole(struct spread *spread, uint32_t file);

/* false: nothing to send for the moment. Time alone brings nothing. */
bool spread_next(struct spread *spread, double now, struct spread_ticket *ticket);

/* Some node has the segment. */
bool spread_anywhere(const struct spread *spread, uint32_t segment);

/* The node has all that it wants. */
bool spread_complete(const struct spread *spread, int node);

/* So has every node that was not dropped. */
bool spread_finished(const struct spread *spread);

#endif
