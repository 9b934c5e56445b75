/* publish/cache_stage.h -- rank 0: the folder of a repository in the cache, and the
 * staging of a run in it. */
#ifndef PUBLISH_CACHE_STAGE_H
#define PUBLISH_CACHE_STAGE_H

#include "io/fs/fs_dir.h"
#include "publish/cache.h"

/* Create the folder, and claim a staging in it, as claim_take. */
int cache_claim(struct cache *cache, struct err *err);

/* What a run of this commit and ref stages. */
int cache_identify(const struct cache *cache, char id[65], struct err *err);

/* Check space, and create the files that ranks write to, and the snapshot: where it is
 * symlinks it is complete, else its files are empty. */
int cache_stage(struct cache *cache, struct err *err);

/* The staged snapshot in run->staging.dir, which lacks what the one in the cache has; and
 * file i in it. */
extern const char cache_staged[];
const char *cache_staged_name(const struct cache *cache, size_t i, char name[FS_NAME]);

#endif
