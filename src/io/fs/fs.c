#include "io/fs/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/nap.h"

enum { NS_PER_S = 1000000000 };

static const double parent_patience = 5.0; /* seconds */

static int fail(struct err *err, const char *verb, const char *path)
{
    return err_set(err, ERR_DEST, "cannot %s '%s': %s", verb, path, strerror(errno));
}

/* After a write that failed the kernel takes its pages for written, and says so but
 * once. */
static int fail_flush(struct err *err, const char *verb, const char *path)
{
    if (err)
        err->unsure = true;
    return fail(err, verb, path);
}

/* File systems hold years that nanoseconds in 64 bits do not. */
static int64_t stat_mtime(const struct stat *st)
{
    const int64_t most = INT64_MAX / NS_PER_S - 1;

    if (st->st_mtim.tv_sec > most)
        return INT64_MAX;
    if (st->st_mtim.tv_sec < -most)
        return INT64_MIN;
    return (int64_t)st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec;
}

static enum fs_kind stat_kind(const struct stat *st)
{
    switch (st->st_mode & S_IFMT) {
    case S_IFREG:
        return FS_FILE;
    case S_IFDIR:
        return FS_DIRECTORY;
    case S_IFLNK:
        return FS_SYMLINK;
    default:
        return FS_OTHER;
    }
}

struct fs_info fs_info_of(const struct stat *st)
{
    return (struct fs_info){
        .kind = stat_kind(st),
        .size = (uint64_t)st->st_size,
        .mtime_ns = stat_mtime(st),
        .device = st->st_dev,
        .inode = st->st_ino,
        .uid = st->st_uid,
        .links = st->st_nlink,
    };
}

bool fs_is_mine(const struct fs_info *info)
{
    return info->uid == geteuid();
}

int fs_look(const char *path, struct fs_info *info, struct err *err)
{
    struct stat st;

    *info = (struct fs_info){ .kind = FS_MISSING };
    if (lstat(path, &st) == 0)
        *info = fs_info_of(&st);
    else if (errno != ENOENT && errno != ENOTDIR)
        return fail(err, "stat", path);
    return 0;
}

int fs_look_through(const char *path, struct fs_info *info, struct err *err)
{
    struct stat st;

    *info = (struct fs_info){ .kind = FS_MISSING };
    if (stat(path, &st) == 0)
        *info = fs_info_of(&st);
    else if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
        return fail(err, "stat", path);
    return 0;
}

int fs_look_open(int fd, const char *path, struct fs_info *info, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return fail(err, "stat", path);
    *info = fs_info_of(&st);
    return 0;
}

/* Opening a directory makes an NFS client compare its cache with the server
 * (close-to-open), a stat or a lookup does not. The nearest parent that can be opened is
 * the one whose cached "no such entry" hides the rest. */
void fs_refresh(const char *path)
{
    int kept = errno;
    char *parent = strdup(path);
    char *slash;

    while (parent && (slash = strrchr(parent, '/')) != NULL) {
        slash[slash == parent] = '\0'; /* the root keeps its slash */

        int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd >= 0)
            close(fd);
        if (fd >= 0 || slash == parent)
            break;
    }
    free(parent);
    errno = kept;
}

int fs_open_write(const char *path, struct err *err)
{
    double until = clock_now() + parent_patience;
    struct nap nap = { .shortest = 0.001, .longest = 0.1 };

    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        int reason = errno;

        if (fd >= 0)
            return fd;
        if (reason == EINTR)
            continue;
        if ((reason != ENOENT && reason != ESTALE) || clock_now() >= until) {
            errno = reason;
            return fail(err, "open", path);
        }
        nap_take(&nap);
        fs_refresh(path);
    }
}

int fs_open_read(const char *path, struct err *err)
{
    int fd;

    do
        fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? fail(err, "open", path) : fd;
}

static int fail_write(const char *path, size_t left, uint64_t at, struct err *err)
{
    if (errno == ENOSPC || errno == EDQUOT)
        return err_set(err, ERR_DEST,
                       "cannot write '%s' at %ju: no room for %zu more bytes: %s", path,
                       (uintmax_t)at, left, strerror(errno));
    return err_set(err, ERR_DEST, "cannot write '%s' at %ju: %s", path, (uintmax_t)at,
                   strerror(errno));
}

int fs_pwrite(int fd, const char *path, const void *bytes, size_t len, uint64_t at,
              struct err *err)
{
    const char *p = bytes;

    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = EIO; /* no progress and no reason: do not ask for ever */
        if (n <= 0)
            return fail_write(path, len, at, err);
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

int fs_pread(int fd, const char *path, void *bytes, size_t len, uint64_t at,
             struct err *err)
{
    char *p = bytes;

    while (len > 0) {
        ssize_t n = pread(fd, p, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, ERR_DEST, "cannot read '%s' at %ju: %s", path,
                           (uintmax_t)at, strerror(errno));
        if (n == 0)
            return err_set(
                err, ERR_DEST,
                "cannot read '%s': the file ends at or before %ju, %zu bytes too early",
                path, (uintmax_t)at, len);
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

int fs_close(int fd, const char *path, struct err *err)
{
    /* Linux has closed the descriptor even when it says EINTR. */
    if (close(fd) < 0 && errno != EINTR)
        return fail_flush(err, "close", path);
    return 0;
}

int fs_set_size(int fd, const char *path, uint64_t size, struct err *err)
{
    int rc;

    do
        rc = ftruncate(fd, (off_t)size);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? fail(err, "set the size of", path) : 0;
}

int fs_set_mtime(const char *path, int64_t ns, struct err *err)
{
    int64_t rest = (ns % NS_PER_S + NS_PER_S) % NS_PER_S; /* not negative before 1970 */
    const struct timespec times[2] = {
        { .tv_nsec = UTIME_OMIT },
        { .tv_sec = ns / NS_PER_S - (ns % NS_PER_S < 0), .tv_nsec = rest },
    };

    if (utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) < 0)
        return fail(err, "set the time of", path);
    return 0;
}

int fs_sync(int fd, const char *path, struct err *err)
{
    int rc;

    do
        rc = fsync(fd);
    while (rc < 0 && errno == EINTR);
    /* EINVAL: there is nothing to sync, which is what some file systems say of their
     * directories and Linux of pipes and terminals. */
    return rc < 0 && errno != EINVAL ? fail_flush(err, "sync", path) : 0;
}

int fs_sync_path(const char *path, struct err *err)
{
    int fd = fs_open_read(path, err);
    int rc;

    if (fd < 0)
        return -1;
    rc = fs_sync(fd, path, err);
    close(fd);
    return rc;
}

int fs_sync_system(const char *path, struct err *err)
{
    int fd = fs_open_read(path, err);
    int rc;

    if (fd < 0)
        return -1;
    rc = syncfs(fd);
    if (rc < 0)
        fail_flush(err, "sync the file system of", path);
    close(fd);
    return rc;
}

int fs_space(const char *path, struct fs_space *space, struct err *err)
{
    struct statvfs vfs;
    int rc;

    do
        rc = statvfs(path, &vfs);
    while (rc < 0 && errno == EINTR);
    if (rc < 0)
        return fail(err, "get the free space of", path);
    *space = (struct fs_space){
        .bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize,
        .inodes = vfs.f_files ? vfs.f_favail : UINT64_MAX,
    };
    return 0;
}
