/* resume/release.h -- how a run leaves the staging that it won by claim_take. Rank 0. */
#ifndef RESUME_RELEASE_H
#define RESUME_RELEASE_H

#include "ranks/run.h"

/* What happens to fetched data. RELEASE_OWN: this run's is removed, and what it took over
 * of other content is left for the runs that want it. It is only kept, not handed over,
 * if a lost rank may still write. */
enum release_how { RELEASE_REMOVE, RELEASE_OWN, RELEASE_KEEP, RELEASE_HAND_OVER };

/* At the end. Does nothing without a staging, a second time, or if another run has taken it
 * over. */
void release_staging(struct run *run, enum release_how how);

#endif
