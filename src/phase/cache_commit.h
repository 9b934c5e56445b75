/* phase/cache_commit.h -- from staged blobs that all ranks agree are whole, to a revision
 * that the Hub's library finds: blobs, record of the commit, snapshot, and the ref last,
 * each by rename (docs/cache.md).
 *
 * A reader sees the old revision or the whole new one: by its hash from the step of the
 * snapshot on, by its branch or tag from that of the ref. */
#ifndef PHASE_CACHE_COMMIT_H
#define PHASE_CACHE_COMMIT_H

#include "phase/cache.h"
#include "phase/seen.h"

/* Rank 0. The mark holds commits. After an error the ref is what it was. */
int cache_commit(struct cache *cache, struct seen_mark *mark, struct err *err);

#endif
