#include "io/fs/fs_whole.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "io/fs/fs.h"

enum { READ_BUFFER = 16 << 10 };

static int fail(struct err *err, const char *verb, const char *path)
{
    return err_set(err, ERR_DEST, "cannot %s '%s': %s", verb, path, strerror(errno));
}

static int read_to_end(int fd, const char *path, size_t most, char **bytes, size_t *len,
                       struct err *err)
{
    char buffer[READ_BUFFER];
    struct strbuf text = { 0 };
    int rc = -1;

    for (;;) {
        ssize_t n = read(fd, buffer, sizeof(buffer));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            fail(err, "read", path);
            goto out;
        }
        if (n == 0)
            break;
        if ((size_t)n > most - text.len) {
            err_set(err, ERR_DEST, "cannot read '%s': more than %zu bytes: %s", path,
                    most, strerror(EFBIG));
            goto out;
        }
        strbuf_add(&text, buffer, (size_t)n);
        if (text.failed)
            break;
    }
    *len = text.len;
    *bytes = strbuf_steal(&text);
    rc = *bytes ? 0 : err_memory(err, path);
out:
    strbuf_release(&text);
    return rc;
}

int fs_read_all(const char *path, size_t most, char **bytes, size_t *len, struct err *err)
{
    int fd = fs_open_read(path, err);
    int rc;

    *bytes = NULL;
    *len = 0;
    if (fd < 0)
        return -1;
    rc = read_to_end(fd, path, most, bytes, len, err);
    close(fd);
    return rc;
}

int fs_read_regular(const char *path, size_t most, char **bytes, size_t *len,
                    struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    int rc = -1;

    *bytes = NULL;
    *len = 0;
    if (fd < 0)
        return fail(err, "open", path);
    if (fstat(fd, &st) < 0)
        fail(err, "stat", path);
    else if (!S_ISREG(st.st_mode))
        err_set(err, ERR_DEST, "cannot read '%s': not a regular file", path);
    else
        rc = read_to_end(fd, path, most, bytes, len, err);
    close(fd);
    return rc;
}

/* From the start of a file just opened; unlike pwrite also into pipes and terminals, as
 * in
 * --report /dev/stderr. */
static int write_from_start(int fd, const char *path, const char *bytes, size_t len,
                            struct err *err)
{
    size_t at = 0;

    while (at < len) {
        ssize_t n = write(fd, bytes + at, len - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = EIO; /* no progress and no reason: do not ask for ever */
        if (n <= 0)
            return fail(err, "write", path);
        at += (size_t)n;
    }
    return 0;
}

/* An old tail is cut off last, so that a reader never finds the file empty. */
static int cut_tail(int fd, const char *path, size_t len, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return fail(err, "stat", path);
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size <= len)
        return 0;
    return fs_set_size(fd, path, len, err);
}

int fs_can_write(const char *path, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

    return fd < 0 ? fail(err, "open", path) : fs_close(fd, path, err);
}

int fs_write_all(const char *path, const void *bytes, size_t len, bool replace, bool sync,
                 struct err *err)
{
    int fd, rc;

    do
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (replace ? 0 : O_EXCL), 0666);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return fail(err, replace ? "open" : "create", path);
    rc = write_from_start(fd, path, bytes, len, err);
    if (rc == 0 && replace)
        rc = cut_tail(fd, path, len, err);
    if (rc == 0 && sync)
        rc = fs_sync(fd, path, err);
    if (rc == 0)
        rc = fs_close(fd, path, err);
    else
        fs_close(fd, path, err);
    if (rc < 0 && !replace)
        unlink(path); /* half a file in the way of the next attempt */
    return rc;
}
