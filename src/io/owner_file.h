/* io/owner_file.h -- the file `owner` of a directory (core/state/owner.h), which is there
 * whole or not at all. It is written under another name first, so that whoever finds only
 * that one knows that the directory was just begun. */
#ifndef IO_OWNER_FILE_H
#define IO_OWNER_FILE_H

#include <stddef.h>

#include "io/fs/fs_dir.h"

/* In the directory of that name in `in` (io/fs/fs_dir.h). sync: it outlives a power
 * failure. */
int owner_file_write(const struct fs_dir *in, const char *name, const char *text,
                     size_t len, bool sync, struct err *err);

/* Of that directory. To be freed; NULL: missing, or unreadable. */
char *owner_file_read(const struct fs_dir *dir);

/* Whether the directory has that file, or the beginning of one. */
bool owner_file_is_there(const struct fs_dir *dir);

/* Remove what a process that was killed had begun to write. If that process lives after
 * all, its owner_file_write fails, or has succeeded and nothing is removed. */
void owner_file_drop_begun(const struct fs_dir *dir);

#endif
