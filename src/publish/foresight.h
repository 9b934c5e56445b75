/* publish/foresight.h -- layout dir: whether a run could build beside DEST, for a plan, which
 * makes nothing. What it finds is what get would end with. */
#ifndef PUBLISH_FORESIGHT_H
#define PUBLISH_FORESIGHT_H

#include <stdbool.h>

#include "io/fs/fs.h"
#include "ranks/run.h"

/* Cuts path to what exists of it, and looks at that, through links. FS_MISSING: nothing does, of
 * a path that is not absolute. */
int foresight_existing(char *path, struct fs_info *info, struct err *err);

/* ERR_DEST where no staging could be made. Opens run->staging.parent: the directory of DEST,
 * or the one above it that exists. */
int foresight_open(struct run *run, struct err *err);

/* Whether former runs have left something there, so that only get knows how much room is
 * needed beside it. */
bool foresight_has_leftovers(const struct run *run);

#endif
