/* publish/reuse.h -- rank 0, layout dir: unchanged files of the old tree in the new one.
 *
 * They are links, so until the visible step whoever writes into the old tree writes into
 * the new one as well: each is looked at when it is placed, and once more right before
 * the step. With --no-links they are copies, which nobody else can reach. */
#ifndef PUBLISH_REUSE_H
#define PUBLISH_REUSE_H

#include "ranks/run.h"
#include "staging/existing.h"

/* Put file i, which is there, from the old tree into run->staging.tree. 1: that is not
 * possible, or it has changed since it was examined; nothing of it is left in the tree. */
int reuse_place(struct run *run, const struct fs_dir *old, size_t i,
                struct existing_file *known, struct err *err);

/* All of them are still what was examined; else ERR_INTERRUPTED and the name of one that
 * is not: the next run sees the difference and fetches it. One with another ctime alone,
 * for which a link by another run is enough, is hashed. */
int reuse_confirm(struct run *run, struct existing_file *existing, struct err *err);

#endif
