/* io/fs/fs_at.h -- how the files of io/fs reach a name in a directory; others
 * use io/fs/fs.h.
 *
 * Errors       -1 and errno. ELOOP where a part of the name is a symbolic link, EXDEV
 *              where it leads out of the directory. */
#ifndef IO_FS_FS_AT_H
#define IO_FS_FS_AT_H

#include <limits.h>
#include <sys/types.h>

#include "io/fs/fs_dir.h"

/* The directory that holds the last part of a name, and that part: for the calls of the
 * system that know no other way to follow no link. */
struct fs_at {
    int fd;
    const char *name;
    int opened; /* fd, if it is to be closed, else -1 */
    char text[PATH_MAX];
};

int fs_at_begin(struct fs_at *at, const struct fs_dir *dir, const char *name);
void fs_at_end(
    struct fs_at *at); /* errno stays; takes one that has not begun well, too */

/* open(2), but O_CLOEXEC is always set, and EINTR never seen. */
int fs_at_open(const struct fs_dir *dir, const char *name, int flags, mode_t mode);

/* "DIR/NAME" for sentences. */
const char *fs_at_path(char text[PATH_MAX], const struct fs_dir *dir, const char *name);

/* "cannot VERB 'DIR/NAME': reason", which errno tells. */
int fs_at_fail(struct err *err, enum err_code code, const char *verb,
               const struct fs_dir *dir, const char *name);

/* The reason that errno tells, in words. */
const char *fs_at_reason(const struct fs_dir *dir);

#endif
