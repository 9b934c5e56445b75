/* io/fs/fs_direct.h -- reading and writing past the page cache (O_DIRECT), where that is
 * known to work well: the kernel copies nothing and keeps no page, which for files of
 * gigabytes costs more than all else. Memory, offsets and lengths are multiples of
 * FS_DIRECT then. Part of io/fs/fs.h.
 *
 * Life cycle   fs_direct_begin for an open file; fs_direct_end before what does not fit,
 *              such as the end of a file, or once the kernel refuses. */
#ifndef IO_FS_FS_DIRECT_H
#define IO_FS_FS_DIRECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/fs/fs_dir.h"

enum { FS_DIRECT = 4096 /* a multiple of what file systems ask for */ };

/* Whether to do so: kind is the file system's (statfs); told: whether the kernel told what
 * the file asks for (statx), memory and offset, 0 if it is not possible. A file system
 * that tells is asked for no more. Of the others those on local disks are known to
 * work; FUSE and network file systems may accept it and be slow, or odd. */
bool fs_direct_suits(uint32_t kind, bool told, uint32_t memory, uint32_t offset);

/* false: it goes through the page cache as before. */
bool fs_direct_begin(int fd);
void fs_direct_end(int fd);

/* fs_pwrite on such a file. What does not fit goes through the page cache, and all after
 * it: the end of a file. If the kernel refuses, which it may do at the first write only,
 * *refused is set and the same. */
int fs_direct_pwrite(int fd, bool *direct, bool *refused, const struct fs_dir *dir,
                     const char *name, const void *bytes, size_t len, uint64_t at,
                     struct err *err);

/* fs_pread of one that may be read so. */
int fs_direct_pread(int fd, bool *direct, const struct fs_dir *dir, const char *name,
                    void *bytes, size_t len, uint64_t at, struct err *err);

/* What the page cache has of a file, and the disk as well, makes room for others. */
void fs_direct_drop(const struct fs_dir *dir, const char *name);

/* Memory for it; free takes it. NULL: there is none. */
void *fs_direct_memory(size_t len);

#endif
