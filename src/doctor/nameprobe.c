#include "doctor/nameprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "doctor/verdict.h"

enum { REFLINK_SIZE = 64 << 10 };

/* The directory is a descriptor; names are short and its own. */
static int put_bytes(int dir, const char *name, const char *bytes, size_t len)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int reason;

    if (fd < 0)
        return errno;
    errno = 0;
    reason = write(fd, bytes, len) == (ssize_t)len ? 0 : errno ? errno : ENOSPC;
    return close(fd) < 0 && reason == 0 ? errno : reason;
}

static bool holds(int dir, const char *name, const char *text)
{
    char found[64] = "";
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, found, sizeof(found) - 1);

    if (fd >= 0)
        close(fd);
    return n >= 0 && strcmp(found, text) == 0;
}

static bool is_there(int dir, const char *name)
{
    struct stat st;

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int judge(int rc, bool seen)
{
    return rc < 0 ? errno : seen ? 0 : OUTCOME_WRONG;
}

/* What stands there before, as letters in pairs, of what kind it is and its name: f file
 * with its name as text, l large file, d directory with a file whose text is the name of
 * the directory, e empty directory, s symlink to itself. */
static int prepare(int dir, const char *what)
{
    static const char large[REFLINK_SIZE] = { 'x' };
    int reason = 0;

    for (; reason == 0 && *what; what += 2) {
        const char name[] = { what[1], '\0' }, file[] = { what[1], '/', 'f', '\0' };

        if (*what == 'd' || *what == 'e')
            reason = mkdirat(dir, name, 0700) < 0 ? errno : 0;
        else if (*what == 's')
            reason = symlinkat(name, dir, name) < 0 ? errno : 0;
        else
            reason = put_bytes(dir, name, *what == 'l' ? large : name,
                               *what == 'l' ? sizeof(large) : 1);
        if (*what == 'd' && reason == 0)
            reason = put_bytes(dir, file, name, 1);
    }
    return reason;
}

/* What is tried. */

static int rename_file(int dir)
{
    int rc = renameat(dir, "a", dir, "b");

    return judge(rc, rc == 0 && holds(dir, "b", "a") && !is_there(dir, "a"));
}

static int rename_directory(int dir)
{
    int rc = renameat(dir, "a", dir, "b");

    return judge(rc, rc == 0 && holds(dir, "b/f", "a") && !is_there(dir, "a"));
}

static int rename_symlink(int dir)
{
    char target[8] = "";
    int rc = renameat(dir, "b", dir, "a");

    return judge(rc, rc == 0 && readlinkat(dir, "a", target, sizeof(target) - 1) == 1 &&
                         strcmp(target, "b") == 0);
}

/* The kernel itself says EEXIST; only a new name is asked of the file system. */
static int rename_noreplace(int dir)
{
    int rc = renameat2(dir, "a", dir, "c", RENAME_NOREPLACE);

    if (rc < 0 || !holds(dir, "c", "a"))
        return judge(rc, false);
    rc = renameat2(dir, "c", dir, "b", RENAME_NOREPLACE);
    if (rc < 0 && errno != EEXIST)
        return errno;
    return rc < 0 && holds(dir, "b", "b") ? 0 : OUTCOME_WRONG;
}

static int rename_exchange(int dir)
{
    int rc = renameat2(dir, "a", dir, "b", RENAME_EXCHANGE);

    return judge(rc, rc == 0 && holds(dir, "a/f", "b") && holds(dir, "b/f", "a"));
}

static int hard_link(int dir)
{
    struct stat first, second;
    int rc = linkat(dir, "a", dir, "b", 0);

    return judge(rc, rc == 0 && fstatat(dir, "a", &first, 0) == 0 &&
                         fstatat(dir, "b", &second, 0) == 0 &&
                         first.st_ino == second.st_ino);
}

static int symbolic_link(int dir)
{
    int rc = symlinkat("a", dir, "b");

    return judge(rc, rc == 0 && holds(dir, "b", "a"));
}

static int exclusive(int dir)
{
    int fd = openat(dir, "a", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return errno;
    close(fd);
    fd = openat(dir, "a", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? 0 : errno;
    close(fd);
    return OUTCOME_WRONG;
}

static int case_sensitive(int dir)
{
    return is_there(dir, "a") ? OUTCOME_WRONG : 0;
}

static int reflink(int dir)
{
    int from = openat(dir, "a", O_RDONLY | O_CLOEXEC);
    int to = openat(dir, "b", O_RDWR | O_CLOEXEC);
    struct stat st;
    int reason = 0;

    if (from < 0 || to < 0 || ioctl(to, FICLONE, from) < 0 || fstat(to, &st) < 0)
        reason = errno;
    else if (st.st_size != REFLINK_SIZE)
        reason = OUTCOME_WRONG;
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return reason;
}

struct kind {
    const char *name, *before; /* as prepare has it */
    int (*act)(int dir);
};

static const struct kind kinds[] = {
    { "rename_file", "fafb", rename_file },
    { "rename_directory", "da", rename_directory },
    { "rename_onto_empty", "daeb", rename_directory },
    { "rename_symlink", "sasb", rename_symlink },
    { "rename_noreplace", "fafb", rename_noreplace },
    { "rename_exchange", "dadb", rename_exchange },
    { "hard_link", "fa", hard_link },
    { "symlink", "fa", symbolic_link },
    { "exclusive", "", exclusive },
    { "case_sensitive", "fA", case_sensitive },
    { "reflink", "lafb", reflink },
};

static const struct kind *find(const char *what)
{
    for (size_t i = 0; i < countof(kinds); i++)
        if (strcmp(kinds[i].name, what) == 0)
            return &kinds[i];
    return NULL;
}

int nameprobe_try(const char *what, const char *dir)
{
    const struct kind *kind = find(what);
    int reason, fd;

    if (!kind)
        return EINVAL;
    fd = mkdir(dir, 0700) < 0 ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return verdict_unprepared(errno);
    reason = prepare(fd, kind->before);
    reason = reason == 0 ? kind->act(fd) : verdict_unprepared(reason);
    close(fd);
    return reason;
}

int nameprobe_create(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

    if (fd < 0)
        return errno;
    return close(fd) < 0 ? errno : 0;
}
