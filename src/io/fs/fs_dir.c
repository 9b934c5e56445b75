#include "io/fs/fs_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "io/fs/fs_at.h"

static char *joined(const char *dir, const char *name)
{
    struct strbuf text = { 0 };

    strbuf_adds(&text, dir);
    if (strcmp(name, ".") == 0)
        return strbuf_steal(&text);
    if (*dir && dir[strlen(dir) - 1] != '/')
        strbuf_adds(&text, "/");
    strbuf_adds(&text, name);
    return strbuf_steal(&text);
}

static int finish(struct fs_dir *dir, struct err *err)
{
    if (dir->path && dir->below)
        return 0;
    fs_dir_close(dir);
    return err_memory(err, "a directory");
}

int fs_dir_open(struct fs_dir *dir, const struct fs_dir *in, const char *name,
                struct err *err)
{
    int fd = fs_at_open(in, name, O_PATH | O_DIRECTORY, 0);

    *dir = (struct fs_dir){ 0 };
    if (fd < 0)
        return fs_at_fail(err, ERR_DEST, "open directory", in, name);
    dir->fd = fd;
    dir->linked = !in;
    dir->path = in ? joined(in->path, name) : strdup(name);
    dir->below = strdup("");
    return finish(dir, err);
}

int fs_dir_open_user(struct fs_dir *dir, const char *path, struct err *err)
{
    int rc = fs_dir_open(dir, NULL, path, err);

    dir->follows = rc == 0;
    return rc;
}

int fs_dir_below(struct fs_dir *dir, const struct fs_dir *in, const char *name,
                 struct err *err)
{
    int fd = fcntl(in->fd, F_DUPFD_CLOEXEC, 0);

    *dir = (struct fs_dir){ 0 };
    if (fd < 0)
        return fs_at_fail(err, ERR_DEST, "open directory", in, name);
    dir->fd = fd;
    dir->follows = in->follows;
    dir->path = joined(in->path, name);
    dir->below = joined(in->below, name);
    return finish(dir, err);
}

const char *fs_dir_name(const struct fs_dir *dir)
{
    const char *slash = strrchr(dir->path, '/');

    return slash ? slash + 1 : dir->path;
}

void fs_dir_close(struct fs_dir *dir)
{
    if (dir->path || dir->below)
        close(dir->fd);
    free(dir->path);
    free(dir->below);
    *dir = (struct fs_dir){ 0 };
}

static int look_held(const struct fs_dir *dir, struct stat *held)
{
    struct fs_at at;
    int rc = fs_at_begin(&at, dir, ".");

    if (rc == 0)
        rc = fstatat(at.fd, at.name, held, AT_SYMLINK_NOFOLLOW);
    fs_at_end(&at);
    return rc;
}

int fs_dir_same(const struct fs_dir *dir, struct err *err)
{
    struct stat named = { 0 }, held = { 0 };

    if (fstatat(AT_FDCWD, dir->path, &named, dir->linked ? 0 : AT_SYMLINK_NOFOLLOW) < 0 ||
        look_held(dir, &held) < 0)
        return fs_at_fail(err, ERR_DEST, "stat", dir, ".");
    if (named.st_dev == held.st_dev && named.st_ino == held.st_ino)
        return 0;
    errno = ENOENT;
    return err_set(err, ERR_DEST,
                   "'%s' is another directory than before: it was renamed or replaced",
                   dir->path);
}

const char *fs_format(char name[FS_NAME], const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(name, FS_NAME, fmt, args);
    va_end(args);
    return name;
}
