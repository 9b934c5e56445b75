/* publish/dir_commit.h -- from a staged tree that all ranks agree is complete, to DEST,
 * in one visible step. */
#ifndef PUBLISH_DIR_COMMIT_H
#define PUBLISH_DIR_COMMIT_H

#include "publish/dir.h"
#include "publish/visibility.h"

/* Rank 0. Manifest, times and metadata of large files, sync, then the one step. The mark
 * holds content ids. After an error nothing new is visible. */
/* The tree gets all that is missing in it, its record for one, so that only steps on names are
 * left for dir_commit, which does this itself if it was not called before. */
int dir_complete(struct dir *dir, struct err *err);

int dir_commit(struct dir *dir, struct visibility_mark *mark, struct err *err);

/* Rank 0, once all nodes have looked: remove the previous DEST, and all versions but the
 * current one and the one before. */
void dir_clean(struct dir *dir);

#endif
