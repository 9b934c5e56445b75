/* io/fs/fs_fresh.h -- what a file is by the word of its server. A client of a network file
 * system answers a stat, of a path or of a file that stays open, from its cache, for up to a
 * minute; only an open asks. */
#ifndef IO_FS_FS_FRESH_H
#define IO_FS_FS_FRESH_H

#include "io/fs/fs.h"

/* What a path leads to, symlinks followed: kind, size and time alone. A missing one is no error:
 * kind says so. */
int fs_look_fresh(const char *path, struct fs_info *info, struct err *err);

#endif
