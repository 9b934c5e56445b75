/* io/fs/file_copy.h -- a part of one file copied into another, which is
 * created if missing.
 *
 * Errors       ERR_DEST, and the text names the file that is at fault. */
#ifndef IO_FS_FILE_COPY_H
#define IO_FS_FILE_COPY_H

#include <stdint.h>

#include "base/err.h"
#include "io/fs/fs_dir.h"

struct file_copy {
    const struct fs_dir *from_dir, *to_dir; /* or NULL */
    const char *from, *to;
    uint64_t from_at, to_at, len;
    bool direct; /* both past the page cache, where that suits */
};

/* Inside the kernel where that works. */
int file_copy(const struct file_copy *copy, struct err *err);

/* Through memory, so that each byte is looked at: *checksum is of what was read. */
int file_copy_sum(const struct file_copy *copy, uint64_t *checksum, struct err *err);

#endif
