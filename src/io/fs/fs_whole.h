/* io/fs/fs_whole.h -- small files, read or written at one go. Part of io/fs/fs.h, which
 * says how errors look. */
#ifndef IO_FS_FS_WHOLE_H
#define IO_FS_FS_WHOLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "io/fs/fs_dir.h"

/* At most `most` bytes, more is an error. A NUL follows the last byte, which *len does
 * not count. The caller frees *bytes. */
int fs_read_all(const struct fs_dir *dir, const char *name, size_t most, char **bytes,
                size_t *len, struct err *err);
/* Open for reading, if it is a regular file: a pipe that somebody put in its place is not
 * waited for. What it is goes to info, which may be NULL. */
struct fs_info;
int fs_open_regular(const struct fs_dir *dir, const char *name, struct fs_info *info,
                    struct err *err);
/* fs_read_all of a regular file only: a pipe that somebody put in its place is not waited
 * for. */
int fs_read_regular(const struct fs_dir *dir, const char *name, size_t most, char **bytes,
                    size_t *len, struct err *err);
/* Whether it can be opened for reading; a pipe is not waited for. */
int fs_can_read(const struct fs_dir *dir, const char *name, struct err *err);
/* Whether it can be written to: made if it is missing, and left as it is. Of a pipe only
 * the permission is looked at. */
int fs_can_write(const struct fs_dir *dir, const char *name, struct err *err);
/* Made new (and gone again after an error), or with replace written over what is there,
 * optionally synced. A reader may see a mixture: what others read is written under
 * another name and renamed. A pipe is never waited for: one without a reader is an error,
 * and one whose reader takes nothing for 10 s. */
int fs_write_all(const struct fs_dir *dir, const char *name, const void *bytes,
                 size_t len, bool replace, bool sync, struct err *err);
/* Made new, for this user alone (0600), whatever the umask is. */
int fs_write_private(const struct fs_dir *dir, const char *name, const void *bytes,
                     size_t len, struct err *err);

#endif
