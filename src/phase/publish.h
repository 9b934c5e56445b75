/* phase/publish.h -- from a staged tree that all ranks agree is whole, to one visible
 * step. */
#ifndef PHASE_PUBLISH_H
#define PHASE_PUBLISH_H

#include "phase/stage.h"

/* Rank 0. Manifest, times and metadata of large files, sync, then the one step.
 * content_id: 65 bytes, of what is published. After an error nothing new is visible. */
int publish_commit(struct stage *stage, char *content_id, struct err *err);

/* The first rank of each node looks until it sees that content at DEST, since network
 * file systems cache names; others return at once. false: not seen within 30 s. */
bool publish_seen(const struct run *run, const char *content_id);

/* Rank 0, after that: remove what DEST was before, and versions older than the one
 * before. */
void publish_clean(struct stage *stage);

#endif
