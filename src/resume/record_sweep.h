/* resume/record_sweep.h -- removes records beside a DEST that describe nothing any more. */
#ifndef RESUME_RECORD_SWEEP_H
#define RESUME_RECORD_SWEEP_H

#include <stdbool.h>

#include "io/fs/fs_dir.h"

/* Of a DEST in parent. A record stays while its run has a staging, since that run may be
 * about to show its tree, and if it describes DEST or a version of it. Only what is
 * provably a record of ours is removed, and .NAME.mpifetch itself if it is this user's, held
 * such a record or links to one, and nothing else, or is empty while no run has a staging: then
 * true. only_say: remove nothing, whether it would be. */
bool record_sweep(const struct fs_dir *parent, const char *dest, bool only_say);

/* The name of the DEST whose records have that name beside it; false: it is no such name. */
bool record_sweep_dest(const char *entry, char dest[FS_NAME]);

#endif
