/* io/fs/fs_mount.h -- where file systems begin, and what kind they are of. Part of
 * io/fs/fs.h. */
#ifndef IO_FS_FS_MOUNT_H
#define IO_FS_FS_MOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "io/fs/fs_dir.h"

/* Whether something is mounted on that name of a directory; false as well if it cannot be
 * found out. */
bool fs_is_mount(const struct fs_dir *dir, const char *name);

/* Whether a directory is on a file system that lies in memory. */
bool fs_is_memory(const struct fs_dir *dir, const char *name);

/* Whether it is on an overlay of the kernel, whose lower layers nothing is moved out of. */
bool fs_is_overlay(const struct fs_dir *dir, const char *name);

/* Whether a sync of the whole file system is for each file what a sync of that file is,
 * failures told: kind is that of statfs, release the kernel's, "5.17.0-rc1" say. Network
 * file systems and FUSE may leave to a file's own sync what is to reach their servers.
 * Before Linux 5.8 failed writes were not told, before 5.17 not those of a journal. */
bool fs_syncs_files_suits(uint32_t kind, const char *release);

/* The same of the file system of a directory. */
bool fs_syncs_files(const struct fs_dir *dir, const char *name);

#endif
