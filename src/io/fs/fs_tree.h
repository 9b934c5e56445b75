/* io/fs/fs_tree.h -- directories and what is below them. Part of io/fs/fs.h, which says
 * how errors look. */
#ifndef IO_FS_FS_TREE_H
#define IO_FS_FS_TREE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/strbuf.h"

struct fs_info;

/* Make one directory; one that exists is fine; mode as given less umask. */
int fs_mkdir(const char *path, unsigned mode, struct err *err);

/* The same with 0777, and all parents as well. */
int fs_mkdirs(const char *path, struct err *err);

/* A directory 0700 of a fresh name "prefixXXXXXX" made in dir; its path is appended to
 * out. */
int fs_private_dir(const char *dir, const char *prefix, struct strbuf *out,
                   struct err *err);

/* Where dir is setgid, the group of dir for path, a directory, and the same bit: as if it
 * had been made in there. As far as we may. */
void fs_inherit_group(const char *dir, const char *path);

/* Whether we may make and remove names in it. */
bool fs_is_writable(const char *dir);

/* Remove an empty directory. */
int fs_remove_empty(const char *path, struct err *err);

/* A directory itself, never what a symlink leads to; fs_close it. */
int fs_open_dir(const char *path, struct err *err);

/* Names in one directory, "." and ".." left out. -1 from visit ends the listing and is
 * handed on. */
int fs_list(const char *path, int (*visit)(void *arg, const char *name, struct err *err),
            void *arg, struct err *err);

/* Each regular file below dir, path relative to it, in no order. Symlinks to files count
 * as files; other symlinks are visited as FS_SYMLINK, special files as FS_OTHER. All
 * errors are ERR_SOURCE, but for those of visit, which end the walk and are handed on. */
int fs_walk(const char *dir,
            int (*visit)(void *arg, const char *path, const struct fs_info *info,
                         struct err *err),
            void *arg, struct err *err);

/* Everything below and the directory itself; a symlink or a file is itself unlinked, a
 * missing path is fine. Never follows a symlink, never crosses a mount. */
int fs_remove_tree(const char *path, struct err *err);

/* The same for as long as go_on says so, else ERR_INTERRUPTED. */
int fs_remove_tree_while(const char *path, bool (*go_on)(void *arg), void *arg,
                         struct err *err);

#endif
