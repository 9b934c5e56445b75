/* publish/cache_commit.h -- from staged blobs that all ranks agree are complete, to a
 * revision that the Hub's library finds: blobs, commit record, snapshot, and the ref
 * last, each by rename (docs/cache.md).
 *
 * Readers by branch or tag see the old revision until the step of the ref, and then the
 * complete new one. Readers by commit see a new snapshot from its step on, complete; one
 * that existed in part is completed entry by entry. */
#ifndef PUBLISH_CACHE_COMMIT_H
#define PUBLISH_CACHE_COMMIT_H

#include "publish/cache.h"
#include "publish/visibility.h"

/* Rank 0. The mark holds commits. After an error the ref is unchanged. */
int cache_commit(struct cache *cache, struct visibility_mark *mark, struct err *err);

#endif
