/* publish/cache_commit.h -- from staged blobs that all ranks agree are whole, to a revision
 * that the Hub's library finds: blobs, record of the commit, snapshot, and the ref last,
 * each by rename (docs/cache.md).
 *
 * Who asks by branch or tag sees the old revision until the step of the ref, and then the
 * whole new one. Who asks by hash sees a new snapshot from its step on, whole; one that
 * was there in part is completed entry by entry. */
#ifndef PUBLISH_CACHE_COMMIT_H
#define PUBLISH_CACHE_COMMIT_H

#include "publish/cache.h"
#include "publish/visibility.h"

/* Rank 0. The mark holds commits. After an error the ref is what it was, unless it was
 * the disk that failed, after the step of the ref. */
int cache_commit(struct cache *cache, struct visibility_mark *mark, struct err *err);

#endif
