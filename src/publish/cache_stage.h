/* publish/cache_stage.h -- rank 0: the folder of a repository in the cache, and the
 * staging of a run in it. */
#ifndef PUBLISH_CACHE_STAGE_H
#define PUBLISH_CACHE_STAGE_H

#include "publish/cache.h"

/* Create the folder, and claim a staging in it, as claim_take. */
int cache_claim(struct cache *cache, struct err *err);

/* Check space, and create the files that ranks write to. */
int cache_stage(struct cache *cache, struct err *err);

#endif
