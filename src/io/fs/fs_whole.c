#include "io/fs/fs_whole.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "io/fs/fs.h"
#include "io/fs/fs_at.h"

enum {
    READ_BUFFER = 16 << 10,
    READER_PATIENCE = 10000 /* milliseconds */
};

static int fail(struct err *err, const char *verb, const struct fs_dir *dir,
                const char *name)
{
    return fs_at_fail(err, ERR_DEST, verb, dir, name);
}

static int fail_large(const struct fs_dir *dir, const char *name, size_t most,
                      struct err *err)
{
    char text[PATH_MAX];

    return err_set(err, ERR_DEST, "cannot read '%s': more than %zu bytes: %s",
                   fs_at_path(text, dir, name), most, strerror(EFBIG));
}

static int fail_kind(const struct fs_dir *dir, const char *name, struct err *err)
{
    char text[PATH_MAX];

    return err_set(err, ERR_DEST, "cannot read '%s': not a regular file",
                   fs_at_path(text, dir, name));
}

static int read_to_end(int fd, const struct fs_dir *dir, const char *name, size_t most,
                       char **bytes, size_t *len, struct err *err)
{
    char buffer[READ_BUFFER];
    struct strbuf text = { 0 };
    int rc = -1;

    for (;;) {
        ssize_t n = read(fd, buffer, sizeof(buffer));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            fail(err, "read", dir, name);
            goto out;
        }
        if (n == 0)
            break;
        if ((size_t)n > most - text.len) {
            fail_large(dir, name, most, err);
            goto out;
        }
        strbuf_add(&text, buffer, (size_t)n);
        if (text.failed)
            break;
    }
    *len = text.len;
    *bytes = strbuf_steal(&text);
    rc = *bytes ? 0 : err_memory(err, "a file");
out:
    strbuf_release(&text);
    return rc;
}

int fs_read_all(const struct fs_dir *dir, const char *name, size_t most, char **bytes,
                size_t *len, struct err *err)
{
    int fd = fs_open_read(dir, name, err);
    int rc;

    *bytes = NULL;
    *len = 0;
    if (fd < 0)
        return -1;
    rc = read_to_end(fd, dir, name, most, bytes, len, err);
    close(fd);
    return rc;
}

int fs_open_regular(const struct fs_dir *dir, const char *name, struct fs_info *info,
                    struct err *err)
{
    int fd = fs_at_open(dir, name, O_RDONLY | O_NONBLOCK, 0);
    struct stat st;

    if (fd < 0)
        return fail(err, "open", dir, name);
    if (fstat(fd, &st) < 0) {
        fail(err, "stat", dir, name);
        goto out;
    }
    if (!S_ISREG(st.st_mode)) {
        fail_kind(dir, name, err);
        goto out;
    }
    if (info)
        *info = fs_info_of(&st);
    return fd;
out:
    close(fd);
    return -1;
}

int fs_read_regular(const struct fs_dir *dir, const char *name, size_t most, char **bytes,
                    size_t *len, struct err *err)
{
    int fd = fs_open_regular(dir, name, NULL, err);
    int rc;

    *bytes = NULL;
    *len = 0;
    if (fd < 0)
        return -1;
    rc = read_to_end(fd, dir, name, most, bytes, len, err);
    close(fd);
    return rc;
}

/* A pipe that is full: its reader may take its time, but not for ever. */
static int wait_for_reader(int fd)
{
    struct pollfd other = { .fd = fd, .events = POLLOUT };
    int rc;

    do
        rc = poll(&other, 1, READER_PATIENCE);
    while (rc < 0 && errno == EINTR);
    if (rc == 0)
        errno = ETIMEDOUT;
    return rc > 0 ? 0 : -1;
}

/* From the start of a file just opened; unlike pwrite also into pipes and terminals, as
 * in --report /dev/stderr. */
static int write_from_start(int fd, const struct fs_dir *dir, const char *name,
                            const char *bytes, size_t len, struct err *err)
{
    size_t at = 0;

    while (at < len) {
        ssize_t n = write(fd, bytes + at, len - at);

        if (n < 0 && (errno == EINTR || (errno == EAGAIN && wait_for_reader(fd) == 0)))
            continue;
        if (n == 0)
            errno = EIO; /* no progress and no reason: do not ask for ever */
        if (n <= 0)
            return fail(err, "write", dir, name);
        at += (size_t)n;
    }
    return 0;
}

/* An old tail is cut off last, so that a reader never finds the file empty. */
static int cut_tail(int fd, const struct fs_dir *dir, const char *name, size_t len,
                    struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return fail(err, "stat", dir, name);
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size <= len)
        return 0;
    return fs_set_size(fd, dir, name, len, err);
}

int fs_can_read(const struct fs_dir *dir, const char *name, struct err *err)
{
    int fd = fs_at_open(dir, name, O_RDONLY | O_NONBLOCK, 0);

    if (fd < 0)
        return fail(err, "open", dir, name);
    close(fd);
    return 0;
}

/* Without O_NONBLOCK a pipe is waited for until somebody opens its other end. */
static int open_to_write(const struct fs_dir *dir, const char *name, int flags,
                         struct err *err)
{
    int fd =
        fs_at_open(dir, name, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | flags, 0666);
    char text[PATH_MAX];

    if (fd >= 0)
        return fd;
    if (errno == ENXIO)
        return err_set(err, ERR_DEST, "cannot open '%s': nobody reads from it",
                       fs_at_path(text, dir, name));
    return fail(err, flags & O_EXCL ? "create" : "open", dir, name);
}

int fs_can_write(const struct fs_dir *dir, const char *name, struct err *err)
{
    struct stat st;
    struct fs_at at;
    int fd, rc = fs_at_begin(&at, dir, name);

    /* Whoever reads a pipe takes the close of its other end for the end of all. */
    if (rc == 0 && fstatat(at.fd, at.name, &st, 0) == 0 && S_ISFIFO(st.st_mode)) {
        rc = faccessat(at.fd, at.name, W_OK, AT_EACCESS);
        fs_at_end(&at);
        return rc < 0 ? fail(err, "open", dir, name) : 0;
    }
    fs_at_end(&at);
    fd = open_to_write(dir, name, 0, err);
    return fd < 0 ? -1 : fs_close(fd, dir, name, err);
}

int fs_write_all(const struct fs_dir *dir, const char *name, const void *bytes,
                 size_t len, bool replace, bool sync, struct err *err)
{
    int fd = open_to_write(dir, name, replace ? 0 : O_EXCL, err);
    int rc;

    if (fd < 0)
        return -1;
    rc = write_from_start(fd, dir, name, bytes, len, err);
    if (rc == 0 && replace)
        rc = cut_tail(fd, dir, name, len, err);
    if (rc == 0 && sync)
        rc = fs_sync(fd, dir, name, err);
    if (rc == 0)
        rc = fs_close(fd, dir, name, err);
    else
        fs_close(fd, dir, name, err);
    if (rc < 0 && !replace)
        fs_unlink(dir, name, NULL); /* half a file in the way of the next attempt */
    return rc;
}

int fs_write_private(const struct fs_dir *dir, const char *name, const void *bytes,
                     size_t len, struct err *err)
{
    int fd = fs_at_open(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    int rc;

    if (fd < 0)
        return fail(err, "create", dir, name);
    rc = write_from_start(fd, dir, name, bytes, len, err);
    return fs_close(fd, dir, name, err) < 0 ? -1 : rc;
}
