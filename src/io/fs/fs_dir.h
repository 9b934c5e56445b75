/* io/fs/fs_dir.h -- a directory that is held by a descriptor, so that nobody leads what
 * is done below it elsewhere. Part of io/fs/fs.h, which says how errors look.
 *
 * Every call that touches a name takes a directory and the name in it, of one part or of
 * several ("a/b/c"; "." is the directory itself). None of the parts may be a symbolic
 * link or "..": the kernel refuses that (openat2), or an old one is asked part by part.
 * Where the directory is NULL, the name is a path by itself, absolute or from the working
 * directory as the user gave it, and its symbolic links are followed.
 *
 *     struct fs_dir parent = { 0 }, tree = { 0 };
 *
 *     if (fs_dir_open(&parent, NULL, "/data", err) < 0 ||
 *         fs_dir_below(&tree, &parent, "run-1/tree", err) < 0)
 *         goto out;
 *     fd = fs_open_write(&tree, "model/part-1", err);
 *
 * A descriptor follows a directory that is renamed. That is not wanted of one that
 * another run takes away by a rename: such a directory is held by its name below the one
 * that it lies in (fs_dir_below), so that the same rename ends all that its former owner
 * does, at whatever call that is.
 *
 * Life cycle   zeroed, fs_dir_open or fs_dir_below, fs_dir_close. */
#ifndef IO_FS_FS_DIR_H
#define IO_FS_FS_DIR_H

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"

struct fs_dir {
    char *path;   /* for sentences, and for fs_dir_same; NULL: not open */
    char *below;  /* a name below fd that is looked up at each call; "": fd itself */
    bool linked;  /* the last part of path may be a symbolic link */
    bool follows; /* so may all parts below it */
    int fd;       /* O_PATH */
};

/* The directory itself, whatever it is called later. in: NULL, or what it lies in. */
int fs_dir_open(struct fs_dir *dir, const struct fs_dir *in, const char *name,
                struct err *err);

/* One that the user named, and whose symbolic links are followed: for what is only
 * read. */
int fs_dir_open_user(struct fs_dir *dir, const char *path, struct err *err);

/* Whatever directory has that name in `in`, now or later. Nobody else may be
 * able to write into `in` or what the name leads through: some calls would
 * follow a link there. */
int fs_dir_below(struct fs_dir *dir, const struct fs_dir *in, const char *name,
                 struct err *err);

/* The last part of its path. */
const char *fs_dir_name(const struct fs_dir *dir);

void fs_dir_close(struct fs_dir *dir); /* takes one that is not open, too */

/* 0 while the path leads to this directory; else ERR_DEST: it was renamed, or something
 * else has its name. errno tells the reason, ENOENT where it leads
 * elsewhere. */
int fs_dir_same(const struct fs_dir *dir, struct err *err);

/* A name with parts that are not constant. One that is too long for the kernel stays too
 * long for it, so that whoever uses the name hears of it. Returns name. */
enum { FS_NAME = PATH_MAX + 1 };
const char *fs_format(char name[FS_NAME], const char *fmt, ...) ERR_PRINTF(2, 3);

#endif
