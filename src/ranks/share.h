/* ranks/share.h -- what rank 0 sends to all others before the fetch: the plan, the
 * staging paths, and what they need to reach the source. It is never written to disk. */
#ifndef RANKS_SHARE_H
#define RANKS_SHARE_H

#include "ranks/run.h"

/* Collective. Rank 0's run has plan, segment size, staging, mtime, endpoint and bearer;
 * afterwards every rank's run has them, and its segments are cut, if those of rank 0 are.
 * If nodes have stagings of their own (nodes_spread), rank 0's run has none yet. */
int share_run(struct run *run, struct err *err);

/* Collective. The staging of each keeper, to the ranks of its node. */
int share_staging(struct run *run, struct err *err);

#endif
