/* io/fs/fs.h -- POSIX files: open ones here, small ones at one go in io/fs/fs_whole.h, their
 * names in io/fs/fs_name.h, directories in io/fs/fs_make.h, trees in io/fs/fs_tree.h, where
 * file systems begin in io/fs/fs_mount.h, whose they are in io/fs/fs_owner.h, modes and what goes with them in io/fs/fs_traits.h, and what
 * a name is relative to in io/fs/fs_dir.h. Including this header brings all.
 *
 * Errors       -1 and a sentence with call, path and the system's reason. The code is
 *              ERR_DEST (fs_walk: ERR_SOURCE); a caller for whom the same file is
 *              somebody else's fault changes err->code.
 * Threads      any call from any thread; nothing is kept between calls. */
#ifndef IO_FS_FS_H
#define IO_FS_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "io/fs/fs_dir.h"
#include "io/fs/fs_direct.h"
#include "io/fs/fs_make.h"
#include "io/fs/fs_mount.h"
#include "io/fs/fs_name.h"
#include "io/fs/fs_owner.h"
#include "io/fs/fs_parents.h"
#include "io/fs/fs_traits.h"
#include "io/fs/fs_tree.h"
#include "io/fs/fs_whole.h"

enum fs_kind { FS_MISSING, FS_FILE, FS_DIRECTORY, FS_SYMLINK, FS_OTHER };

struct fs_info {
    enum fs_kind kind;
    uint64_t size;
    int64_t mtime_ns, ctime_ns;
    uint64_t device, inode;
    uint32_t uid;
    uint32_t mode;  /* permissions and kind, as in struct stat */
    uint64_t links; /* names that the file has */
};

struct stat;
struct fs_info fs_info_of(const struct stat *st);

/* lstat. A missing name is no error: kind says so, also where a parent is a file. */
int fs_look(const struct fs_dir *dir, const char *name, struct fs_info *info,
            struct err *err);

/* stat: what a symlink leads to; one that leads nowhere is FS_MISSING. */
int fs_look_through(const struct fs_dir *dir, const char *name, struct fs_info *info,
                    struct err *err);

/* fstat: what a symlink led to. */
int fs_look_open(int fd, const struct fs_dir *dir, const char *name, struct fs_info *info,
                 struct err *err);

/* Ask a network file system for news about the parents of a name. Without it NFS may go
 * on answering "no such file" from its cache for half a minute. */
void fs_refresh(const struct fs_dir *dir, const char *name);

/* Open for reading and writing, made if missing with 0666 less umask, never through a
 * symlink. A parent that another node has just made and that this one does not see yet is
 * waited for, at most 5 s. */
int fs_open_write(const struct fs_dir *dir, const char *name, struct err *err);
/* The same, but -1 and errno EEXIST if the name is there. */
int fs_open_new(const struct fs_dir *dir, const char *name, struct err *err);
int fs_open_read(const struct fs_dir *dir, const char *name, struct err *err);

int fs_pwrite(int fd, const struct fs_dir *dir, const char *name, const void *bytes,
              size_t len, uint64_t at, struct err *err);
/* Exactly len bytes; a file that is too short is an error that says where it ends. */
int fs_pread(int fd, const struct fs_dir *dir, const char *name, void *bytes, size_t len,
             uint64_t at, struct err *err);

/* EDQUOT and EIO may be reported here. After an earlier failure err keeps that one, and
 * is marked as unsure. */
int fs_close(int fd, const struct fs_dir *dir, const char *name, struct err *err);
int fs_set_size(int fd, const struct fs_dir *dir, const char *name, uint64_t size,
                struct err *err);
/* Whatever the umask says, nobody else may write to it; as far as we may. */
void fs_close_to_others(int fd);
int fs_set_mtime(const struct fs_dir *dir, const char *name, int64_t ns, struct err *err);
int fs_set_mtime_open(int fd, const struct fs_dir *dir, const char *name, int64_t ns,
                      struct err *err);

int fs_sync(int fd, const struct fs_dir *dir, const char *name, struct err *err);
int fs_sync_path(const struct fs_dir *dir, const char *name,
                 struct err *err); /* a file or a directory */
/* All of the file system that path is on. */
int fs_sync_system(const struct fs_dir *dir, const char *name, struct err *err);
/* The same by a descriptor, which is told of all that failed since it was opened, also of
 * what another process has been told of. */
int fs_sync_system_of(int fd, const struct fs_dir *dir, const char *name,
                      struct err *err);

struct fs_space {
    uint64_t bytes, inodes; /* free for us; UINT64_MAX where that is not told */
};
/* Of the file system that a directory is on. */
int fs_space(const struct fs_dir *dir, const char *name, struct fs_space *space,
             struct err *err);

#endif
