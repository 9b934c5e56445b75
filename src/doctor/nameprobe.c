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

enum { REFLINK_SIZE = 64 << 10, FALLOCATE_SIZE = 1 << 20 };

/* The directory is a descriptor; names are short and its own. */
static int put(int dir, const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t len = strlen(text);
    int reason;

    if (fd < 0)
        return errno;
    errno = 0;
    reason = write(fd, text, len) == (ssize_t)len ? 0 : errno ? errno : ENOSPC;
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

/* A directory with one file in it, whose text is its first name. */
static int put_dir(int dir, const char *name)
{
    char file[32];

    snprintf(file, sizeof(file), "%s/file", name);
    return mkdirat(dir, name, 0700) < 0 ? errno : put(dir, file, name);
}

static int judge(int rc, bool seen)
{
    return rc < 0 ? errno : seen ? 0 : TRIAL_WRONG;
}

/* What trials begin with. */

static int nothing(int dir)
{
    (void)dir;
    return 0;
}

static int one_file(int dir)
{
    return put(dir, "a", "a");
}

static int two_files(int dir)
{
    int reason = put(dir, "a", "a");

    return reason == 0 ? put(dir, "b", "b") : reason;
}

static int one_directory(int dir)
{
    return put_dir(dir, "a");
}

static int one_and_an_empty(int dir)
{
    int reason = put_dir(dir, "a");

    return reason == 0 && mkdirat(dir, "b", 0700) < 0 ? errno : reason;
}

static int two_directories(int dir)
{
    int reason = put_dir(dir, "a");

    return reason == 0 ? put_dir(dir, "b") : reason;
}

static int two_symlinks(int dir)
{
    return symlinkat("old", dir, "a") < 0 || symlinkat("new", dir, "b") < 0 ? errno : 0;
}

static int upper_case(int dir)
{
    return put(dir, "Name", "upper");
}

static int large_and_empty(int dir)
{
    static const char bytes[REFLINK_SIZE] = { 'x' };
    int fd = openat(dir, "a", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    int reason;

    if (fd < 0)
        return errno;
    errno = 0;
    reason = write(fd, bytes, sizeof(bytes)) == sizeof(bytes) ? 0
             : errno                                          ? errno
                                                              : ENOSPC;
    close(fd);
    return reason == 0 ? put(dir, "b", "") : reason;
}

/* The trials themselves. */

static int rename_file(int dir)
{
    int rc = renameat(dir, "a", dir, "b");

    return judge(rc, rc == 0 && holds(dir, "b", "a") && !is_there(dir, "a"));
}

static int rename_directory(int dir)
{
    int rc = renameat(dir, "a", dir, "b");

    return judge(rc, rc == 0 && holds(dir, "b/file", "a") && !is_there(dir, "a"));
}

static int rename_symlink(int dir)
{
    char target[8] = "";
    int rc = renameat(dir, "b", dir, "a");

    return judge(rc, rc == 0 && readlinkat(dir, "a", target, sizeof(target) - 1) == 3 &&
                         strcmp(target, "new") == 0);
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
    return rc < 0 && holds(dir, "b", "b") ? 0 : TRIAL_WRONG;
}

static int rename_exchange(int dir)
{
    int rc = renameat2(dir, "a", dir, "b", RENAME_EXCHANGE);

    return judge(rc, rc == 0 && holds(dir, "a/file", "b") && holds(dir, "b/file", "a"));
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
    return TRIAL_WRONG;
}

static int case_sensitive(int dir)
{
    return is_there(dir, "name") ? TRIAL_WRONG : 0;
}

static int allocate(int dir)
{
    int fd = openat(dir, "a", O_RDWR | O_CLOEXEC);
    struct stat st;
    int reason;

    if (fd < 0)
        return errno;
    reason = fallocate(fd, 0, 0, FALLOCATE_SIZE) < 0 ? errno
             : fstat(fd, &st) < 0                    ? errno
             : st.st_size == FALLOCATE_SIZE          ? 0
                                                     : TRIAL_WRONG;
    close(fd);
    return reason;
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
        reason = TRIAL_WRONG;
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return reason;
}

struct trial {
    const char *name;
    int (*prepare)(int dir);
    int (*act)(int dir);
};

static const struct trial trials[] = {
    { "rename_file", two_files, rename_file },
    { "rename_directory", one_directory, rename_directory },
    { "rename_onto_empty", one_and_an_empty, rename_directory },
    { "rename_symlink", two_symlinks, rename_symlink },
    { "rename_noreplace", two_files, rename_noreplace },
    { "rename_exchange", two_directories, rename_exchange },
    { "hard_link", one_file, hard_link },
    { "symlink", one_file, symbolic_link },
    { "exclusive", nothing, exclusive },
    { "case_sensitive", upper_case, case_sensitive },
    { "fallocate", one_file, allocate },
    { "reflink", large_and_empty, reflink },
};

static const struct trial *find(const char *what)
{
    for (size_t i = 0; i < countof(trials); i++)
        if (strcmp(trials[i].name, what) == 0)
            return &trials[i];
    return NULL;
}

int nameprobe_try(const char *what, const char *dir)
{
    const struct trial *trial = find(what);
    int reason, fd;

    if (!trial)
        return EINVAL;
    fd = mkdir(dir, 0700) < 0 ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return verdict_unprepared(errno);
    reason = trial->prepare(fd);
    reason = reason == 0 ? trial->act(fd) : verdict_unprepared(reason);
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
