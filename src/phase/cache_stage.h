/* phase/cache_stage.h -- rank 0: the folder of a repository in the cache, and in it the
 * staging of a run. */
#ifndef PHASE_CACHE_STAGE_H
#define PHASE_CACHE_STAGE_H

#include "phase/cache.h"

/* Check space, make the folder and staging in it, and what ranks write into. */
int cache_stage(struct cache *cache, struct err *err);

#endif
