/* io/fs/fs_tree.h -- directories and what is below them. Part of io/fs/fs.h, which says
 * how errors look. */
#ifndef IO_FS_FS_TREE_H
#define IO_FS_FS_TREE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "io/fs/fs_dir.h"

struct fs_info;

/* Names in one directory, "." and ".." left out. -1 from visit ends the listing and is
 * handed on. */
int fs_list(const struct fs_dir *dir, const char *name,
            int (*visit)(void *arg, const char *name, struct err *err), void *arg,
            struct err *err);

/* Each regular file below a directory, path relative to it, in no order. Symlinks to
 * files count as files; other symlinks are visited as FS_SYMLINK, special files as
 * FS_OTHER; more than 256 directories in each other are refused. All errors are ERR_SOURCE, but for those of visit, which end the walk and
 * are handed on. */
int fs_walk(const struct fs_dir *dir, const char *name,
            int (*visit)(void *arg, const char *path, const struct fs_info *info,
                         struct err *err),
            void *arg, struct err *err);

/* The names under which FUSE and NFS keep what was removed while somebody has it open.
 * They go with the last close; to remove one makes another, or is refused. But others
 * give such names to files as well, and a server that died leaves them for ever. */
bool fs_is_hidden(const char *name);

/* Everything below and the directory itself; a symlink or a file is itself unlinked, a
 * missing path is fine. Never follows a symlink, never crosses a mount. What cannot be
 * removed does not keep the rest; *err tells the first such thing, and why. */
int fs_remove_tree(const struct fs_dir *dir, const char *name, struct err *err);

/* The same for as long as go_on says so, else ERR_INTERRUPTED. */
int fs_remove_tree_while(const struct fs_dir *dir, const char *name,
                         bool (*go_on)(void *arg), void *arg, struct err *err);

#endif
