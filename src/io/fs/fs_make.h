/* io/fs/fs_make.h -- single directories: made, fitted into what they lie in, removed.
 * Part of io/fs/fs.h, which says how errors look. */
#ifndef IO_FS_FS_MAKE_H
#define IO_FS_FS_MAKE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "io/fs/fs_dir.h"

/* Make one directory; one that exists is fine; mode as given less umask. */
int fs_mkdir(const struct fs_dir *dir, const char *name, unsigned mode, struct err *err);

/* The same with 0777, and all parents as well. */
int fs_mkdirs(const struct fs_dir *dir, const char *name, struct err *err);

/* A directory 0700 of a fresh name made in that one: "name/prefixXXXXXX" is appended to
 * out, or "prefixXXXXXX" where name is "." of a directory. */
int fs_private_dir(const struct fs_dir *dir, const char *name, const char *prefix,
                   struct strbuf *out, struct err *err);

/* Whether we may make and remove names in it. */
bool fs_is_writable(const struct fs_dir *dir, const char *name);
/* The same, with the reason of fs_private_dir, which is not tried. */
int fs_check_writable(const struct fs_dir *dir, const char *name, struct err *err);

/* Remove an empty directory. */
int fs_remove_empty(const struct fs_dir *dir, const char *name, struct err *err);

#endif
