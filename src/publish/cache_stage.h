/* publish/cache_stage.h -- rank 0: the folder of a repository in the cache, and in it the
 * staging of a run. */
#ifndef PUBLISH_CACHE_STAGE_H
#define PUBLISH_CACHE_STAGE_H

#include "publish/cache.h"

/* Make the folder, and win a staging in it: as claim_take. */
int cache_claim(struct cache *cache, struct err *err);

/* Check space, and make what ranks write into. */
int cache_stage(struct cache *cache, struct err *err);

#endif
