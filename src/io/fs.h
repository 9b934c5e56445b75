/* io/fs.h -- POSIX files. Every error names the call, the path and the system's reason, with
 * `code` as given by the caller where the same call can be the fault of scratch, source or
 * destination. */
#ifndef IO_FS_H
#define IO_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strbuf.h"

enum fs_kind { FS_MISSING, FS_FILE, FS_DIRECTORY, FS_SYMLINK, FS_OTHER };

struct fs_info {
    enum fs_kind kind;
    uint64_t size;
    int64_t mtime_ns;
    uint64_t device, inode;
    uint32_t uid;
};

/* lstat. A missing path is no error: kind says so. */
int fs_look(const char *path, struct fs_info *info, struct err *err);

/* All parents as well. Modes are 0777 and 0666 less umask; existing directories are fine. */
int fs_mkdirs(const char *path, struct err *err);

/* mkdir -p of the directories of relative paths below dir, each once. */
int fs_mkdir(const char *path, unsigned mode, struct err *err);

/* Open for reading and writing, made if missing. A parent that another node has just made and that
 * this one does not see yet is waited for, at most 5 s. */
int fs_open_write(const char *path, struct err *err);
int fs_open_read(const char *path, struct err *err);
int fs_pwrite(int fd, const char *path, const void *bytes, size_t len, uint64_t at,
              struct err *err);
/* Exactly len bytes, or ERR_DEST "ends at". */
int fs_pread(int fd, const char *path, void *bytes, size_t len, uint64_t at,
             struct err *err);
/* Copy a range between open files inside the kernel where that works. */
int fs_copy(int from, const char *from_path, int to, const char *to_path, uint64_t at,
            uint64_t to_at, uint64_t len, struct err *err);
int fs_close(int fd, const char *path, struct err *err); /* EDQUOT and EIO show here */
int fs_set_size(int fd, const char *path, uint64_t size, struct err *err);
int fs_set_mtime(const char *path, int64_t ns, struct err *err);
int fs_sync(int fd, const char *path, struct err *err);
int fs_sync_path(const char *path, struct err *err); /* a file or a directory */
int fs_sync_system(const char *path, struct err *err); /* all of the file system that path is on */

/* Whole small files. fs_read_all: at most `most` bytes, more is an error; NUL at the end. */
int fs_read_all(const char *path, size_t most, char **bytes, size_t *len, struct err *err);
/* Made new (O_EXCL unless replace), written, optionally synced. */
int fs_write_all(const char *path, const void *bytes, size_t len, bool replace, bool sync,
                 struct err *err);

enum fs_rename {
    FS_RENAME_NEW,     /* the target must not exist, or be an empty directory */
    FS_RENAME_REPLACE, /* as rename(2) */
    FS_RENAME_EXCHANGE /* both names change places, in one step */
};
int fs_rename(const char *from, const char *to, enum fs_rename how, struct err *err);

/* Whether FS_RENAME_EXCHANGE works on the file system of dir, by doing it. */
int fs_can_exchange(const char *dir, bool *yes, struct err *err);

int fs_link(const char *from, const char *to, struct err *err);
int fs_symlink(const char *target, const char *path, struct err *err);
int fs_readlink(const char *path, struct strbuf *target, struct err *err);
int fs_unlink(const char *path, struct err *err); /* a missing file is fine */

/* Everything below and the directory itself; never follows a symlink, never crosses a mount. */
int fs_remove_tree(const char *path, struct err *err);

/* Each regular file below dir, path relative to it, in no order. Symlinks to files count as files,
 * symlinks to directories and special files are an error that names them (ERR_SOURCE). */
int fs_walk(const char *dir,
            int (*visit)(void *arg, const char *path, const struct fs_info *info,
                         struct err *err),
            void *arg, struct err *err);

/* Names in one directory, "." and ".." left out. */
int fs_list(const char *dir,
            int (*visit)(void *arg, const char *name, struct err *err), void *arg,
            struct err *err);

struct fs_space {
    uint64_t bytes, inodes; /* free for us; inodes UINT64_MAX where not counted */
};
int fs_space(const char *path, struct fs_space *space, struct err *err);

/* A directory 0700 of a fresh name "prefixXXXXXX" made in dir; the path is appended to out. */
int fs_private_dir(const char *dir, const char *prefix, struct strbuf *out,
                   struct err *err);

/* The absolute form: symlinks in the parents resolved, the last part left as it is, "." and ".."
 * and double slashes gone. The parents need not exist. */
int fs_absolute(const char *path, struct strbuf *out, struct err *err);

#endif
