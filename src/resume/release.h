/* resume/release.h -- how a run leaves the staging that it won by claim_take. Rank 0. */
#ifndef RESUME_RELEASE_H
#define RESUME_RELEASE_H

#include "ranks/run.h"

/* What was fetched, if anything was, may be left for the next run. It is only kept, not
 * handed over, where a rank that is lost may still write. */
enum release_how { RELEASE_REMOVE, RELEASE_KEEP, RELEASE_HAND_OVER };

/* At the end. Nothing happens where nothing was made, or where it was taken away. */
void release_staging(struct run *run, enum release_how how);

#endif
