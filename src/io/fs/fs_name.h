/* io/fs/fs_name.h -- names of files: rename, exchange, link, and absolute paths. Part of
 * io/fs/fs.h, which describes errors.
 *
 * After -1, errno still has the system's reason, for callers to whom EEXIST or ENOENT
 * means that somebody else was first. */
#ifndef IO_FS_FS_NAME_H
#define IO_FS_FS_NAME_H

#include <stdbool.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "io/fs/fs_dir.h"

enum fs_rename {
    FS_RENAME_NEW, /* the target must not exist, or be an empty directory */

    /* The target must not exist, not even as an empty directory, which somebody may be
     * about to fill. As FS_RENAME_NEW if the file system cannot check that atomically. */
    FS_RENAME_ABSENT,

    FS_RENAME_REPLACE, /* as rename(2) */
    FS_RENAME_EXCHANGE /* the two names are exchanged, atomically */
};

/* A directory is renamed in one step on every file system. So is a file, but
 * FS_RENAME_NEW may show it under both names for a moment where the kernel cannot do
 * better. */
int fs_rename(const struct fs_dir *from_dir, const char *from,
              const struct fs_dir *to_dir, const char *to, enum fs_rename how,
              struct err *err);

/* Whether FS_RENAME_EXCHANGE works in a directory, by doing it. */
int fs_can_exchange(const struct fs_dir *dir, const char *name, bool *yes,
                    struct err *err);

/* A name that is a link to the same file already is fine: that is what NFS shows when it
 * asked twice. */
int fs_link(const struct fs_dir *from_dir, const char *from, const struct fs_dir *to_dir,
            const char *to, struct err *err);
int fs_symlink(const char *target, const struct fs_dir *dir, const char *name,
               struct err *err);
/* Appended to target. */
int fs_readlink(const struct fs_dir *dir, const char *name, struct strbuf *target,
                struct err *err);
int fs_unlink(const struct fs_dir *dir, const char *name,
              struct err *err); /* a missing file is fine */

/* Whether there is anything of that name; what cannot be looked at is not. */
bool fs_is_there(const struct fs_dir *dir, const char *name);

/* Whether there is certainly nothing of that name. */
bool fs_is_missing(const struct fs_dir *dir, const char *name);

/* The current directory with a slash behind it, appended to out. */
int fs_here(struct strbuf *out, struct err *err);

/* The absolute form, appended to out: symlinks in the parents resolved, the last part
 * left as it is, "." and ".." and double slashes gone. The parents need not exist. */
int fs_absolute(const char *path, struct strbuf *out, struct err *err);

#endif
