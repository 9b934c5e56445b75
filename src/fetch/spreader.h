/* fetch/spreader.h -- with --per-node, of a keeper: passes segments on from node to node, as
 * rank 0 says by tickets (coordinate/spreading.h).
 *
 *     TICKET from rank 0 -> OFFER to each child of the tree
 *     OFFER   memory for a piece? receive it, and TAKE to the sender
 *     TAKE    read the piece, or find it in memory, and send it
 *     arrival check, write, note in the journal; with the last piece GOT to rank 0, and
 *             OFFER to the own children
 *
 * An offer is of what lies on the sender's disk, so whoever has made a place for a piece
 * gets it, whatever else the sender waits for. Bytes that cannot be read, or are not what
 * they were, are sent all the same: the receiver finds that out, and says MISSED to rank 0,
 * while the sender says FORGOT.
 *
 * A ticket that was given before a FENCE is out of date for the segments that the FENCE
 * names: what it brings is MISSED. FENCED says that nothing of it is written any more.
 *
 * Memory       what --per-node-memory says: fetch/berths.h; 4 bytes for each segment.
 * Life cycle   spreader_open; spreader_hear for TICKET, OFFER, TAKE and FENCE; spreader_step each
 *              turn; spreader_close once the pool has no job of it.
 * Threads      all calls on the main thread; disks are the pool's.
 * Errors       of this node's disk: rank 0 hears NODE_FAILED, and the spreader takes nothing
 *              more, but gives what others ask for. -1: MPI itself failed, or ranks do not
 *              agree on what goes on. */
#ifndef FETCH_SPREADER_H
#define FETCH_SPREADER_H

#include "fetch/carrier.h"

struct spreader {
    struct carrier carrier;
};

int spreader_open(struct spreader *spreader, const struct stow *stow, struct pool *pool,
                  const struct carrier_told *told, struct err *err);

/* A zeroed one as well. What is under way is broken off. */
void spreader_close(struct spreader *spreader);

int spreader_hear(struct spreader *spreader, int from, const struct msg *msg,
                  struct err *err);

/* *moved is set if anything was. */
int spreader_step(struct spreader *spreader, bool *moved, struct err *err);

/* Whether data is on its way, so that MPI should be called soon again. */
bool spreader_is_busy(const struct spreader *spreader);

/* This node takes no further part, as rank 0 has been told or says. */
void spreader_fail(struct spreader *spreader);

#endif
