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
#include "io/fs/fs_at.h"
#include "io/nap.h"

enum { NS_PER_S = 1000000000 };

static const double parent_patience = 5.0; /* seconds */

static int fail(struct err *err, const char *verb, const struct fs_dir *dir,
                const char *name)
{
    return fs_at_fail(err, ERR_DEST, verb, dir, name);
}

/* After a write that failed the kernel takes its pages for written, and says so but
 * once. began: of the call that was told. */
static int fail_flush(struct err *err, double began, const char *verb,
                      const struct fs_dir *dir, const char *name)
{
    if (err && (err->unsure == 0 || began < err->unsure))
        err->unsure = began;
    return fail(err, verb, dir, name);
}

/* File systems hold years that nanoseconds in 64 bits do not. */
static int64_t in_ns(const struct timespec *time)
{
    const int64_t most = INT64_MAX / NS_PER_S - 1;

    if (time->tv_sec > most)
        return INT64_MAX;
    if (time->tv_sec < -most)
        return INT64_MIN;
    return (int64_t)time->tv_sec * NS_PER_S + time->tv_nsec;
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
        .mtime_ns = in_ns(&st->st_mtim),
        .ctime_ns = in_ns(&st->st_ctim),
        .device = st->st_dev,
        .inode = st->st_ino,
        .uid = st->st_uid,
        .mode = st->st_mode,
        .links = st->st_nlink,
    };
}

static int look(const struct fs_dir *dir, const char *name, int flags,
                struct fs_info *info)
{
    struct fs_at at;
    struct stat st;
    int rc = fs_at_begin(&at, dir, name);

    *info = (struct fs_info){ .kind = FS_MISSING };
    if (rc == 0)
        rc = fstatat(at.fd, at.name, &st, flags);
    if (rc == 0)
        *info = fs_info_of(&st);
    fs_at_end(&at);
    return rc;
}

int fs_look(const struct fs_dir *dir, const char *name, struct fs_info *info,
            struct err *err)
{
    if (look(dir, name, AT_SYMLINK_NOFOLLOW, info) < 0 && errno != ENOENT &&
        errno != ENOTDIR)
        return fail(err, "stat", dir, name);
    return 0;
}

int fs_look_through(const struct fs_dir *dir, const char *name, struct fs_info *info,
                    struct err *err)
{
    if (look(dir, name, 0, info) < 0 && errno != ENOENT && errno != ENOTDIR &&
        (dir || errno != ELOOP))
        return fail(err, "stat", dir, name);
    return 0;
}

int fs_look_open(int fd, const struct fs_dir *dir, const char *name, struct fs_info *info,
                 struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return fail(err, "stat", dir, name);
    *info = fs_info_of(&st);
    return 0;
}

/* Opening a directory makes an NFS client compare its cache with the server
 * (close-to-open), a stat or a lookup does not. By its path, since a descriptor says
 * nothing about the name that led to it. The nearest parent that can be opened is
 * the one whose cached "no such entry" hides the rest. */
void fs_refresh(const struct fs_dir *dir, const char *name)
{
    int kept = errno, fd = -1;
    char text[PATH_MAX], parent[PATH_MAX], *slash;

    snprintf(parent, sizeof(parent), "%s", fs_at_path(text, dir, name));
    while (fd < 0 && (slash = strrchr(parent, '/')) != NULL) {
        bool root = slash == parent;

        slash[root] = '\0'; /* the root keeps its slash */
        fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root)
            break;
    }
    if (fd >= 0)
        close(fd);
    errno = kept;
}

static int open_soon(const struct fs_dir *dir, const char *name, int flags,
                     struct err *err)
{
    double until = clock_now() + parent_patience;
    struct nap nap = { .shortest = 0.001, .longest = 0.1 };

    for (;;) {
        int fd = fs_at_open(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | flags, 0666);
        int reason = errno;

        if (fd >= 0)
            return fd;
        if ((reason != ENOENT && reason != ESTALE) || clock_now() >= until) {
            errno = reason;
            return fail(err, "open", dir, name);
        }
        nap_take(&nap);
        fs_refresh(dir, name);
    }
}

int fs_open_write(const struct fs_dir *dir, const char *name, struct err *err)
{
    return open_soon(dir, name, 0, err);
}

int fs_open_new(const struct fs_dir *dir, const char *name, struct err *err)
{
    return open_soon(dir, name, O_EXCL, err);
}

int fs_open_read(const struct fs_dir *dir, const char *name, struct err *err)
{
    int fd = fs_at_open(dir, name, O_RDONLY, 0);

    return fd < 0 ? fail(err, "open", dir, name) : fd;
}

static int fail_write(const struct fs_dir *dir, const char *name, size_t left,
                      uint64_t at, struct err *err)
{
    char text[PATH_MAX];
    const char *path = fs_at_path(text, dir, name);

    if (errno == ENOSPC || errno == EDQUOT)
        return err_set_why(err, ERR_DEST, err_reason_of(errno),
                           "cannot write '%s' at %ju: no room for %zu more bytes: %s",
                           path, (uintmax_t)at, left, strerror(errno));
    return err_set_why(err, ERR_DEST, err_reason_of(errno),
                       "cannot write '%s' at %ju: %s", path, (uintmax_t)at,
                       strerror(errno));
}

int fs_pwrite(int fd, const struct fs_dir *dir, const char *name, const void *bytes,
              size_t len, uint64_t at, struct err *err)
{
    const char *p = bytes;

    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = EIO; /* no progress and no reason: do not ask for ever */
        if (n <= 0)
            return fail_write(dir, name, len, at, err);
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

static int fail_read(const struct fs_dir *dir, const char *name, uint64_t at,
                     struct err *err)
{
    char text[PATH_MAX];

    return err_set(err, ERR_DEST, "cannot read '%s' at %ju: %s",
                   fs_at_path(text, dir, name), (uintmax_t)at, strerror(errno));
}

static int fail_short(const struct fs_dir *dir, const char *name, size_t left,
                      uint64_t at, struct err *err)
{
    char text[PATH_MAX];

    return err_set(
        err, ERR_DEST,
        "cannot read '%s': the file ends at or before %ju, %zu bytes too early",
        fs_at_path(text, dir, name), (uintmax_t)at, left);
}

int fs_pread(int fd, const struct fs_dir *dir, const char *name, void *bytes, size_t len,
             uint64_t at, struct err *err)
{
    char *p = bytes;

    while (len > 0) {
        ssize_t n = pread(fd, p, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_read(dir, name, at, err);
        if (n == 0)
            return fail_short(dir, name, len, at, err);
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

int fs_close(int fd, const struct fs_dir *dir, const char *name, struct err *err)
{
    double began = clock_now();

    /* Linux has closed the descriptor even when it says EINTR. */
    if (close(fd) < 0 && errno != EINTR)
        return fail_flush(err, began, "close", dir, name);
    return 0;
}

int fs_set_size(int fd, const struct fs_dir *dir, const char *name, uint64_t size,
                struct err *err)
{
    int rc;

    do
        rc = ftruncate(fd, (off_t)size);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? fail(err, "set the size of", dir, name) : 0;
}

void fs_close_to_others(int fd)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)))
        fchmod(fd, st.st_mode & 07777 & ~(unsigned)(S_IWGRP | S_IWOTH));
}

static void set_times(struct timespec times[2], int64_t ns)
{
    int64_t rest = (ns % NS_PER_S + NS_PER_S) % NS_PER_S; /* not negative before 1970 */

    times[0] = (struct timespec){ .tv_nsec = UTIME_OMIT };
    times[1] = (struct timespec){ .tv_sec = ns / NS_PER_S - (ns % NS_PER_S < 0),
                                  .tv_nsec = rest };
}

int fs_set_mtime(const struct fs_dir *dir, const char *name, int64_t ns, struct err *err)
{
    struct timespec times[2];
    struct fs_at at;
    int rc = fs_at_begin(&at, dir, name);

    set_times(times, ns);
    if (rc == 0)
        rc = utimensat(at.fd, at.name, times, AT_SYMLINK_NOFOLLOW);
    fs_at_end(&at);
    return rc < 0 ? fail(err, "set the time of", dir, name) : 0;
}

int fs_set_mtime_open(int fd, const struct fs_dir *dir, const char *name, int64_t ns,
                      struct err *err)
{
    struct timespec times[2];

    set_times(times, ns);
    return futimens(fd, times) < 0 ? fail(err, "set the time of", dir, name) : 0;
}

int fs_sync(int fd, const struct fs_dir *dir, const char *name, struct err *err)
{
    double began = clock_now();
    int rc;

    do
        rc = fsync(fd);
    while (rc < 0 && errno == EINTR);
    /* EINVAL: there is nothing to sync, which is what some file systems say of their
     * directories and Linux of pipes and terminals. */
    return rc < 0 && errno != EINVAL ? fail_flush(err, began, "sync", dir, name) : 0;
}

int fs_sync_path(const struct fs_dir *dir, const char *name, struct err *err)
{
    int fd = fs_open_read(dir, name, err);
    int rc;

    if (fd < 0)
        return -1;
    rc = fs_sync(fd, dir, name, err);
    close(fd);
    return rc;
}

int fs_sync_system_of(int fd, const struct fs_dir *dir, const char *name, struct err *err)
{
    double began = clock_now();

    return syncfs(fd) < 0 ? fail_flush(err, began, "sync the file system of", dir, name)
                          : 0;
}

int fs_sync_system(const struct fs_dir *dir, const char *name, struct err *err)
{
    int fd = fs_open_read(dir, name, err);
    int rc;

    if (fd < 0)
        return -1;
    rc = fs_sync_system_of(fd, dir, name, err);
    close(fd);
    return rc;
}

int fs_space(const struct fs_dir *dir, const char *name, struct fs_space *space,
             struct err *err)
{
    int fd = fs_at_open(dir, name, O_PATH | O_DIRECTORY, 0);
    struct statvfs vfs;
    int rc = fd < 0 ? -1 : 0;

    while (rc == 0 && (rc = fstatvfs(fd, &vfs)) < 0 && errno == EINTR)
        rc = 0;
    if (rc < 0)
        fail(err, "get the free space of", dir, name);
    else
        *space = (struct fs_space){
            /* A file system of FUSE may know nothing of its size, and says 0. */
            .bytes = vfs.f_blocks ? (uint64_t)vfs.f_bavail * vfs.f_frsize : UINT64_MAX,
            .inodes = vfs.f_files ? vfs.f_favail : UINT64_MAX,
        };
    if (fd >= 0)
        close(fd);
    return rc;
}
