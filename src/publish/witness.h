/* publish/witness.h -- layout dir: a file of DEST by which every node can tell what it sees,
 * the tree that was published or the one before. Through DEST, as readers do: a record may
 * be visible before the tree, or lie elsewhere. */
#ifndef PUBLISH_WITNESS_H
#define PUBLISH_WITNESS_H

#include "publish/dir.h"
#include "publish/visibility.h"

/* Rank 0, right before the visible step: choose a file that differs, and note what it is
 * like before and after. None if both trees have the same files. */
void witness_choose(const struct dir *dir, struct visibility_mark *mark);

/* Any rank: what that file is like at this moment; "" if it is missing. */
void witness_look(const struct run *run, const struct visibility_mark *mark,
                  char found[65]);

#endif
