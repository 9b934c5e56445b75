/* sham.c -- preloaded into the program: a file system that is worse than ours, and nodes
 * that are not there. Each variable is read where it counts, also in helper processes.
 *
 *     SHAM_NODES=1         each rank is a node of its own
 *     SHAM_FLOCK=HOW       ENOSYS, EIO, ENOLCK; LIE: everybody gets it; NODE: excludes on
 *                          a node only; HANG: does not return
 *     SHAM_FCNTL=HOW       the same of F_SETLK and F_OFD_SETLK
 *     SHAM_RENAME2=WHAT    EINVAL: no flags at all; LIE: says yes, does nothing
 *     SHAM_LINKLESS=1      no symlinks and no hard links
 *     SHAM_SHARED=1        O_EXCL lets everybody create
 *     SHAM_BLIND=TEXT      a path that contains it is not there
 *     SHAM_READONLY=1      no directory of ours can be made
 *     SHAM_MAGIC=NUMBER    statfs says that it is of that kind
 *     SHAM_LAYOUT=HOW      as Lustre has it of a directory: ROOT: one stripe, as the file
 *                          system says; COMPOSITE: more for larger files, as it says;
 *                          anything else: directories whose path contains it have four
 *                          stripes of their own
 *     SHAM_MAKE=HANG       the call that makes a directory of ours does so, and never
 *                          returns
 *     SHAM_FULL=WHAT       BYTES: in a directory of ours nothing can be written to files;
 *                          INODES: nor can anything be made in it */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mpi.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

typedef int flock_call(int fd, int how);
typedef int fcntl_call(int fd, int command, ...);
typedef int open_call(const char *path, int flags, ...);
typedef int openat_call(int dir, const char *path, int flags, ...);
typedef int stat_call(const char *path, struct stat *st);
typedef int fstatat_call(int dir, const char *path, struct stat *st, int flags);
typedef ssize_t fgetxattr_call(int fd, const char *name, void *bytes, size_t room);
typedef int fstatfs_call(int fd, struct statfs *kind);
typedef int mkdirat_call(int dir, const char *path, mode_t mode);
typedef int linkat_call(int from_dir, const char *from, int to_dir, const char *to,
                        int flags);
typedef int symlinkat_call(const char *target, int dir, const char *path);
typedef int renameat2_call(int from_dir, const char *from, int to_dir, const char *to,
                           unsigned flags);
typedef int split_call(MPI_Comm comm, int colour, int key, MPI_Comm *out);
typedef int split_type_call(MPI_Comm comm, int type, int key, MPI_Info info,
                            MPI_Comm *out);

/* ISO C has no cast from an object to a function. */
static void find(const char *name, void *call, size_t size)
{
    void *found = dlsym(RTLD_NEXT, name);

    memcpy(call, &found, size);
}

static bool is(const char *variable, const char *value)
{
    const char *set = getenv(variable);

    return set && strcmp(set, value) == 0;
}

static bool is_hidden(const char *path)
{
    const char *hidden = getenv("SHAM_BLIND");

    return hidden && *hidden && strstr(path, hidden);
}

static bool is_below_ours(const char *path)
{
    const char *ours = strstr(path, "/.mpifetch-doctor-");

    return ours && strchr(ours + 1, '/');
}

static bool is_path_of(int fd, bool (*what)(const char *path))
{
    char link[64], path[PATH_MAX];
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof(path) - 1);
    path[len > 0 ? len : 0] = '\0';
    return what(path);
}

/* Nothing can be made of that name, in a directory of ours or below. */
static bool no_inode(int dir, const char *path)
{
    if (!is("SHAM_FULL", "INODES") ||
        !(is_below_ours(path) ||
          (*path != '/' && dir >= 0 && is_path_of(dir, is_below_ours))))
        return false;
    errno = ENOSPC;
    return true;
}

static int rank(void)
{
    const char *set = getenv("OMPI_COMM_WORLD_RANK");

    return set ? atoi(set) : 0;
}

int MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *out)
{
    split_type_call *next;
    split_call *split;

    if (getenv("SHAM_NODES")) {
        find("MPI_Comm_split", &split, sizeof(split));
        return split(comm, rank(), key, out);
    }
    find("MPI_Comm_split_type", &next, sizeof(next));
    return next(comm, type, key, info, out);
}

/* A file beside that of a descriptor: made if it is missing. */
static int open_beside(int fd, const char *ending, int number)
{
    char link[64], path[PATH_MAX], own[PATH_MAX + 32];
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof(path) - 1);
    if (len < 0)
        return -1;
    path[len] = '\0';
    snprintf(own, sizeof(own), "%s.%s-%d", path, ending, number);
    return open(own, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

/* A lock of this node: that of another file. It stays until the process ends. */
static int lock_of_node(int fd)
{
    int other = open_beside(fd, "node", rank());
    flock_call *next;

    find("flock", &next, sizeof(next));
    return other < 0 ? -1 : next(other, LOCK_EX | LOCK_NB);
}

/* A file beside the lock tells that it has come to this. */
static void hang(int fd)
{
    open_beside(fd, "hangs", rank());
    for (;;)
        pause();
}

/* true: *rc is what the call comes to. */
static bool shams(const char *variable, int fd, int *rc)
{
    static const struct {
        const char *name;
        int reason;
    } reasons[] = { { "ENOSYS", ENOSYS }, { "EIO", EIO }, { "ENOLCK", ENOLCK } };

    *rc = 0;
    if (is(variable, "LIE"))
        return true;
    if (is(variable, "NODE")) {
        *rc = lock_of_node(fd);
        return true;
    }
    if (is(variable, "HANG"))
        hang(fd);
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (is(variable, reasons[i].name)) {
            errno = reasons[i].reason;
            *rc = -1;
            return true;
        }
    return false;
}

int flock(int fd, int how)
{
    flock_call *next;
    int rc;

    if (shams("SHAM_FLOCK", fd, &rc))
        return rc;
    find("flock", &next, sizeof(next));
    return next(fd, how);
}

int fcntl(int fd, int command, ...)
{
    fcntl_call *next;
    va_list args;
    void *arg;
    int rc;

    if ((command == F_SETLK || command == F_OFD_SETLK) && shams("SHAM_FCNTL", fd, &rc))
        return rc;
    va_start(args, command);
    arg = va_arg(args, void *);
    va_end(args);
    find("fcntl", &next, sizeof(next));
    return next(fd, command, arg);
}

static int flags_of(int flags)
{
    return getenv("SHAM_SHARED") ? flags & ~O_EXCL : flags;
}

int open(const char *path, int flags, ...)
{
    open_call *next;
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = va_arg(args, mode_t);
    va_end(args);
    if (is_hidden(path)) {
        errno = ENOENT;
        return -1;
    }
    if (flags & O_CREAT && no_inode(-1, path))
        return -1;
    find("open", &next, sizeof(next));
    return next(path, flags_of(flags), mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    openat_call *next;
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = va_arg(args, mode_t);
    va_end(args);
    if (is_hidden(path)) {
        errno = ENOENT;
        return -1;
    }
    if (flags & O_CREAT && no_inode(dir, path))
        return -1;
    find("openat", &next, sizeof(next));
    return next(dir, path, flags_of(flags), mode);
}

int stat(const char *path, struct stat *st)
{
    stat_call *next;

    if (is_hidden(path)) {
        errno = ENOENT;
        return -1;
    }
    find("stat", &next, sizeof(next));
    return next(path, st);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    if (getenv("SHAM_FULL") && len > 0 && is_path_of(fd, is_below_ours)) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, fd, bytes, len);
}

int fstatfs(int fd, struct statfs *kind)
{
    const char *magic = getenv("SHAM_MAGIC");
    fstatfs_call *next;
    int rc;

    find("fstatfs", &next, sizeof(next));
    rc = next(fd, kind);
    if (magic)
        kind->f_type = strtol(magic, NULL, 0);
    return rc;
}

/* Of a plain layout the number of stripes, at its place. */
static ssize_t layout_of(const char *how, int fd, char *bytes, size_t room)
{
    unsigned magic = strcmp(how, "COMPOSITE") == 0 ? 0x0BD60BD0 : 0x0BD10BD0;
    char link[64], path[PATH_MAX];
    unsigned short count = 1;
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof(path) - 1);
    path[len > 0 ? len : 0] = '\0';
    if (strcmp(how, "ROOT") != 0 && strstr(path, how))
        count = 4;
    if (room < 32) {
        errno = ERANGE;
        return -1;
    }
    memset(bytes, 0, 32);
    memcpy(bytes, &magic, sizeof(magic));
    memcpy(bytes + 28, &count, sizeof(count));
    return 32;
}

ssize_t fgetxattr(int fd, const char *name, void *bytes, size_t room)
{
    const char *how = getenv("SHAM_LAYOUT");
    fgetxattr_call *next;

    if (how && strcmp(name, "lustre.lov") == 0)
        return layout_of(how, fd, bytes, room);
    find("fgetxattr", &next, sizeof(next));
    return next(fd, name, bytes, room);
}

int fstatat(int dir, const char *path, struct stat *st, int flags)
{
    fstatat_call *next;

    if (flags == 0 && is_hidden(path)) {
        errno = ENOENT;
        return -1;
    }
    find("fstatat", &next, sizeof(next));
    return next(dir, path, st, flags);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
    bool ours = strstr(path, "/.mpifetch-doctor-") != NULL;
    mkdirat_call *next;
    int rc;

    if (getenv("SHAM_READONLY") && ours) {
        errno = EROFS;
        return -1;
    }
    if (no_inode(dir, path))
        return -1;
    find("mkdirat", &next, sizeof(next));
    rc = next(dir, path, mode);
    while (is("SHAM_MAKE", "HANG") && ours)
        pause();
    return rc;
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    linkat_call *next;

    if (getenv("SHAM_LINKLESS")) {
        errno = EPERM;
        return -1;
    }
    find("linkat", &next, sizeof(next));
    return next(from_dir, from, to_dir, to, flags);
}

int symlinkat(const char *target, int dir, const char *path)
{
    symlinkat_call *next;

    if (getenv("SHAM_LINKLESS")) {
        errno = EPERM;
        return -1;
    }
    find("symlinkat", &next, sizeof(next));
    return next(target, dir, path);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    renameat2_call *next;

    if (is("SHAM_RENAME2", "LIE"))
        return 0;
    if (is("SHAM_RENAME2", "EINVAL")) {
        errno = EINVAL;
        return -1;
    }
    find("renameat2", &next, sizeof(next));
    return next(from_dir, from, to_dir, to, flags);
}
