#include "io/fs/fs_at.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    AGAIN_MOST = 100
}; /* tries of a call that says EAGAIN, as a rename elsewhere makes it */

static pthread_once_t asked = PTHREAD_ONCE_INIT;
static bool
    has_openat2; /* of the kernel; a filter of system calls may say EPERM instead */

static int call_openat2(int fd, const char *name, int flags, mode_t mode)
{
    struct open_how how = { .flags = (unsigned)flags,
                            .mode = flags & O_CREAT ? mode : 0,
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };

    return (int)syscall(SYS_openat2, fd, name, &how, sizeof(how));
}

static void ask(void)
{
    int fd = call_openat2(AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

    has_openat2 = fd >= 0 || (errno != ENOSYS && errno != EPERM);
    if (fd >= 0)
        close(fd);
}

static int open_plainly(int fd, const char *name, int flags, mode_t mode)
{
    int found;

    do
        found = openat(fd, name, flags, mode);
    while (found < 0 && errno == EINTR);
    return found;
}

static int open_beneath(int fd, const char *name, int flags, mode_t mode)
{
    int found = -1;

    for (int tries = 0; found < 0 && tries < AGAIN_MOST; tries++) {
        found = call_openat2(fd, name, flags & ~O_NOFOLLOW, mode);
        if (found < 0 && errno != EAGAIN && errno != EINTR)
            break;
    }
    return found;
}

/* With O_DIRECTORY the system says of a symbolic link that it is no directory. */
static int open_part(int fd, const char *part, int flags, mode_t mode)
{
    struct stat st;
    int found;

    if (strcmp(part, "..") == 0) {
        errno = EXDEV;
        return -1;
    }
    found = open_plainly(fd, part, flags | O_NOFOLLOW, mode);
    if (found < 0 && errno == ENOTDIR) {
        bool is_link =
            fstatat(fd, part, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);

        errno = is_link ? ELOOP : ENOTDIR;
    }
    return found;
}

static void close_quietly(int fd)
{
    int kept = errno;

    close(fd);
    errno = kept;
}

static int open_by_parts(int from, const char *name, int flags, mode_t mode)
{
    char text[PATH_MAX], *part = text, *slash;
    int fd = from;

    if (*name == '/') {
        errno = EXDEV;
        return -1;
    }
    snprintf(text, sizeof(text), "%s", name);
    while (fd >= 0 && (slash = strchr(part, '/')) != NULL && slash[1]) {
        int next;

        *slash = '\0';
        next = open_part(fd, *part ? part : ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
        if (fd != from)
            close_quietly(fd);
        fd = next;
        part = slash + 1;
    }
    if (fd < 0)
        return -1;

    int found = open_part(fd, part, flags, mode);

    if (fd != from)
        close_quietly(fd);
    return found;
}

/* The name from dir->fd on. */
static int join(char text[PATH_MAX], const struct fs_dir *dir, const char *name)
{
    int len = !*dir->below ? snprintf(text, PATH_MAX, "%s", name)
              : strcmp(name, ".") == 0
                  ? snprintf(text, PATH_MAX, "%s", dir->below)
                  : snprintf(text, PATH_MAX, "%s/%s", dir->below, name);

    if (len < PATH_MAX)
        return 0;
    errno = ENAMETOOLONG;
    return -1;
}

static int open_in(const struct fs_dir *dir, const char *name, int flags, mode_t mode)
{
    if (dir->follows)
        return open_plainly(dir->fd, name, flags, mode);
    pthread_once(&asked, ask);
    return has_openat2 ? open_beneath(dir->fd, name, flags, mode)
                       : open_by_parts(dir->fd, name, flags, mode);
}

int fs_at_open(const struct fs_dir *dir, const char *name, int flags, mode_t mode)
{
    char text[PATH_MAX];

    flags |= O_CLOEXEC;
    if (!dir)
        return open_plainly(AT_FDCWD, name, flags, mode);
    return join(text, dir, name) < 0 ? -1 : open_in(dir, text, flags, mode);
}

static int open_parent(struct fs_at *at, const struct fs_dir *dir)
{
    char *slash = strrchr(at->text, '/');

    *slash = '\0';
    at->name = slash + 1;
    /* "/name" leaves nothing in front. */
    at->opened = open_in(dir, slash == at->text ? "/" : at->text,
                         O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    at->fd = at->opened;
    return at->fd < 0 ? -1 : 0;
}

int fs_at_begin(struct fs_at *at, const struct fs_dir *dir, const char *name)
{
    at->opened = -1;
    at->fd = AT_FDCWD;
    at->name = name;
    if (!dir)
        return 0;
    if (join(at->text, dir, name) < 0)
        return -1;
    at->fd = dir->fd;
    at->name = at->text;
    /* The parts of below are looked up by the call itself: in the same step in which it
     * acts, so that nobody takes the directory away between the two. */
    if (strchr(name, '/') && open_parent(at, dir) < 0)
        return -1;
    if (strcmp(strrchr(at->name, '/') ? strrchr(at->name, '/') + 1 : at->name, "..") != 0)
        return 0;
    fs_at_end(at);
    errno = EXDEV;
    return -1;
}

void fs_at_end(struct fs_at *at)
{
    if (at->opened >= 0)
        close_quietly(at->opened);
    at->opened = -1;
}

const char *fs_at_path(char text[PATH_MAX], const struct fs_dir *dir, const char *name)
{
    if (!dir)
        return name;
    if (strcmp(name, ".") == 0)
        return dir->path;
    snprintf(text, PATH_MAX, "%s/%s", dir->path, name);
    return text;
}

const char *fs_at_reason(const struct fs_dir *dir)
{
    return dir && errno == ELOOP
               ? "a part of that name is a symbolic link, which is not followed"
               : strerror(errno);
}

int fs_at_fail(struct err *err, enum err_code code, const char *verb,
               const struct fs_dir *dir, const char *name)
{
    char text[PATH_MAX];

    return err_set_why(err, code, err_reason_of(errno), "cannot %s '%s': %s", verb,
                       fs_at_path(text, dir, name), fs_at_reason(dir));
}
