/* coordinate/copies.h -- rank 0, where each node has a disk of its own: which segments lie on
 * which nodes, told to all who decide by it. What no node has any more the scheduler has
 * fetched again, and what a rank that lost it was to hash for all the relay gives to another.
 *
 * Life cycle   copies_open; then as nodes report; copies_release, which takes a zeroed struct
 *              as well. */
#ifndef COORDINATE_COPIES_H
#define COORDINATE_COPIES_H

#include "coordinate/demand.h"
#include "coordinate/dispatch.h"
#include "core/sched/proofs.h"
#include "core/sched/spread.h"

struct copies {
    struct dispatch *dispatch; /* borrowed, as are the next three */
    struct spread *spread;
    const struct proofs *proofs;
    const struct demand *demand;
    bool *unwanted;   /* each file: it is to be recalled */
    uint8_t *stored;  /* of each segment: the scheduler has it as stored */
    bool *fenced;     /* each segment: lost, and what was on its way is being dropped */
    bool lost;        /* some may be, and are not fenced */
    double *complete; /* of each node: clock_now when it had all it wants; 0: not yet */
};

/* Nothing lies anywhere. */
int copies_open(struct copies *copies, struct dispatch *dispatch, struct spread *spread,
                const struct proofs *proofs, const struct demand *demand,
                struct err *err);
void copies_release(struct copies *copies);

/* The node has stored what was granted to it, or had it from the start. */
void copies_stored(struct copies *copies, int node, uint32_t first, uint32_t count);

/* The node got it from another one. */
void copies_got(struct copies *copies, int node, uint32_t first, uint32_t count);

/* The node has it no more. */
void copies_lack(struct copies *copies, int node, uint32_t first, uint32_t count);

/* The node has failed, and spread has dropped it. */
void copies_drop(struct copies *copies);

/* Neighbours behind those that no node has any more, which are fenced from now on: begin with
 * 0 and 0. Not what is recalled, or is to be, nor what is to come whole. */
bool copies_next_lost(struct copies *copies, uint32_t *first, uint32_t *count);

/* All nodes have dropped what was on its way: fetch what was fenced again, unless some node
 * got it before. */
void copies_fetch_lost(struct copies *copies);

/* The file is to come as one segment, as if nothing of it had come. */
void copies_whole(struct copies *copies, uint32_t file);

/* No node has it, and some node that has not failed wants it. */
bool copies_lacks(const struct copies *copies, uint32_t segment);

/* Bytes that no node has, and none but that one wants: without it they are not fetched. */
uint64_t copies_wanted_by(const struct copies *copies, int node);

/* Some node has any of the file. */
bool copies_exist(const struct copies *copies, uint32_t file);

#endif
