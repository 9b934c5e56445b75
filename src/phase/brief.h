/* phase/brief.h -- what rank 0 tells all others before the fetch: the plan, where staging
 * is, and what they need to reach the source. It travels in memory only. */
#ifndef PHASE_BRIEF_H
#define PHASE_BRIEF_H

#include "phase/run.h"

/* Collective. Rank 0's run has plan, segment size, staging, stamp, endpoint and bearer;
 * afterwards every rank's run has, and its segments are cut. */
int brief_share(struct run *run, struct err *err);

#endif
