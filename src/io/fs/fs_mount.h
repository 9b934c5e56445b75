/* io/fs/fs_mount.h -- where file systems begin, and what kind they are of. Part of
 * io/fs/fs.h. */
#ifndef IO_FS_FS_MOUNT_H
#define IO_FS_FS_MOUNT_H

#include <stdbool.h>

#include "io/fs/fs_dir.h"

/* Whether something is mounted on that name of a directory; false as well if it cannot be
 * found out. */
bool fs_is_mount(const struct fs_dir *dir, const char *name);

/* Whether a directory is on a file system that lies in memory. */
bool fs_is_memory(const struct fs_dir *dir, const char *name);

/* Whether it is on an overlay of the kernel, whose lower layers nothing is moved out of. */
bool fs_is_overlay(const struct fs_dir *dir, const char *name);

#endif
