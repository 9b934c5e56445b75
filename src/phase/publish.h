/* phase/publish.h -- from a staged tree that all ranks agree is whole, to one visible
 * step. */
#ifndef PHASE_PUBLISH_H
#define PHASE_PUBLISH_H

#include "phase/seen.h"
#include "phase/stage.h"

/* Rank 0. Manifest, times and metadata of large files, sync, then the one step. The mark
 * holds content ids. After an error nothing new is visible. */
int publish_commit(struct stage *stage, struct seen_mark *mark, struct err *err);

/* Rank 0, once all nodes have looked: remove what DEST was before, and versions older
 * than the one before. */
void publish_clean(struct stage *stage);

#endif
