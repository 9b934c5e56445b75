/* ranks/share.h -- what rank 0 tells all others before the fetch: the plan, where staging
 * is, and what they need to reach the source. It travels in memory only. */
#ifndef RANKS_SHARE_H
#define RANKS_SHARE_H

#include "ranks/run.h"

/* Collective. Rank 0's run has plan, segment size, staging, mtime, endpoint and bearer;
 * afterwards every rank's run has, and its segments are cut. */
int share_run(struct run *run, struct err *err);

#endif
