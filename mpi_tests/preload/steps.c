/* steps.c -- preloaded into the program: what it does to names and bytes below one
 * directory is counted, and ends or fails where a test wants it to.
 *
 *     STEPS_BELOW=DIR     only what lies below DIR counts
 *     STEPS_KILL=N        SIGKILL to itself right after the Nth change of a name there
 *     STEPS_REMOVALS=1    removing a name is such a change as well
 *     STEPS_WRITES=N      SIGKILL to itself right after the Nth write there
 *     STEPS_SWAP=PATH     right after the first write there of 64 KiB or more what is at
 *                         PATH~ takes the place of PATH
 *     STEPS_ROOM=BYTES    writes there fail once so many bytes have been written, and a
 *                         line into a journal, ...
 *     STEPS_ERROR=N       ... with this errno
 *     STEPS_SYNCS=N       only the first N syncs of files and directories there succeed
 *     STEPS_SYNC_OF=PATTERN   of those that match; none: of all
 *     STEPS_STOP=PATTERN  SIGSTOP to itself, once: right after a name there was made that
 *                         matches, after MPI_Init_thread, or before MPI_Finalize or
 *                         syncfs
 *     STEPS_HOLD=PATTERN  right after a name there was made that matches its thread
 *                         waits; so it does before MPI_Test, MPI_Isend and MPI_Finalize
 *     STEPS_GATE=PATH     until there is PATH; none: for ever
 *     STEPS_WHEN=PATH     and does not wait while there is no PATH
 *     STEPS_HELD=PATH     made as it begins to wait
 *     STEPS_UID=N         whatever lies there seems to be that user's, as where ids are
 *                         mapped
 *     STEPS_TAKES=PATTERN a name there that matches does not keep what comes from another
 *                         directory from taking its place, which no file system should
 *                         do; a directory of the rehearsal is merged with what comes.
 *                         Then SIGKILL to itself, ...
 *     STEPS_TAKEN=keep    ... or it does not go back
 *     STEPS_LINKLESS=1    no symlinks there, as on a file system that has none
 *     STEPS_PATIENT=1     a rank that waits by giving up its turn again and again sleeps */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <mpi.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef int rename_call(const char *from, const char *to);
typedef int renameat_call(int from_dir, const char *from, int to_dir, const char *to);
typedef int renameat2_call(int from_dir, const char *from, int to_dir, const char *to,
                           unsigned flags);
typedef int mkdir_call(const char *path, mode_t mode);
typedef int mkdirat_call(int dir, const char *path, mode_t mode);
typedef char *mkdtemp_call(char *path);
typedef int symlink_call(const char *target, const char *path);
typedef int symlinkat_call(const char *target, int dir, const char *path);
typedef int init_call(int *argc, char ***argv, int required, int *provided);
typedef int finalize_call(void);
typedef int yield_call(void);
typedef int test_call(MPI_Request *request, int *flag, MPI_Status *status);
typedef int isend_call(const void *bytes, int count, MPI_Datatype type, int to, int tag,
                       MPI_Comm comm, MPI_Request *request);
typedef int syncfs_call(int fd);
typedef int fsync_call(int fd);
typedef int link_call(const char *from, const char *to);
typedef int linkat_call(int from_dir, const char *from, int to_dir, const char *to,
                        int flags);
typedef int unlink_call(const char *path);
typedef int unlinkat_call(int dir, const char *path, int flags);
typedef int fstat_call(int fd, struct stat *st);
typedef int fstatat_call(int dir, const char *name, struct stat *st, int flags);
typedef ssize_t write_call(int fd, const void *bytes, size_t len);
typedef ssize_t pwrite_call(int fd, const void *bytes, size_t len, off_t at);
typedef ssize_t copy_call(int from, off_t *from_at, int to, off_t *to_at, size_t len,
                          unsigned flags);

/* What this library stands in front of. ISO C has no cast from an object
 * to a function. */
static void find(const char *name, void *call, size_t size)
{
    void *found = dlsym(RTLD_NEXT, name);

    memcpy(call, &found, size);
}

static bool is_below(const char *path)
{
    const char *dir = getenv("STEPS_BELOW");

    return dir && *dir && strncmp(path, dir, strlen(dir)) == 0;
}

/* Of an open file or directory; "" where there is none. */
static void path_of(int fd, char path[PATH_MAX])
{
    char link[64];
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, path, PATH_MAX - 1);
    path[len > 0 ? len : 0] = '\0';
}

/* Of a name in an open directory. errno stays. */
static const char *path_in(int dir, const char *name, char path[PATH_MAX])
{
    int kept = errno;
    size_t len;

    if (*name == '/' || dir == AT_FDCWD)
        return name;
    path_of(dir, path);
    len = strlen(path);
    snprintf(path + len, PATH_MAX - len, "/%s", name);
    errno = kept;
    return path;
}

/* Whether that was the one after which to end. */
static void count(atomic_long *counter, const char *variable)
{
    const char *end = getenv(variable);

    if (end && atomic_fetch_add(counter, 1) + 1 == atol(end))
        kill(getpid(), SIGKILL);
}

static void stop_at(const char *name)
{
    static bool stopped;
    const char *pattern = getenv("STEPS_STOP");

    if (stopped || !pattern || fnmatch(pattern, name, 0) != 0)
        return;
    stopped = true;
    /* To this thread: it would run on until one that the kernel chose takes the signal. */
    raise(SIGSTOP);
}

static bool is_there(const char *variable)
{
    const char *path = getenv(variable);

    return path && access(path, F_OK) == 0;
}

static void hold_at(const char *name)
{
    const char *pattern = getenv("STEPS_HOLD"), *held = getenv("STEPS_HELD");

    if (!pattern || fnmatch(pattern, name, 0) != 0)
        return;
    if (getenv("STEPS_WHEN") && !is_there("STEPS_WHEN"))
        return;
    if (held)
        close(open(held, O_WRONLY | O_CREAT, 0600));
    while (!is_there("STEPS_GATE"))
        usleep(1000);
}

static void step_taken(const char *path)
{
    static atomic_long steps;

    count(&steps, "STEPS_KILL");
    stop_at(path);
    hold_at(path);
}

static int step(const char *path, int rc)
{
    if (rc == 0 && is_below(path))
        step_taken(path);
    return rc;
}

static int step_in(int dir, const char *name, int rc)
{
    char path[PATH_MAX];

    return rc == 0 ? step(path_in(dir, name, path), rc) : rc;
}

static int removal(const char *path, int rc)
{
    return getenv("STEPS_REMOVALS") ? step(path, rc) : rc;
}

int rename(const char *from, const char *to)
{
    rename_call *next;

    find("rename", &next, sizeof(next));
    return step(to, next(from, to));
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    char path[PATH_MAX];
    renameat2_call *next;

    if (getenv("STEPS_TAKEN") &&
        fnmatch(getenv("STEPS_TAKES"), path_in(from_dir, from, path), 0) == 0) {
        errno = EIO;
        return -1;
    }
    find("renameat2", &next, sizeof(next));
    return step_in(to_dir, to, next(from_dir, from, to_dir, to, flags));
}

/* Whether it matches and the other one does not lie beside it. */
static bool takes(const char *from, const char *to)
{
    const char *pattern = getenv("STEPS_TAKES"), *slash = strrchr(to, '/');

    return pattern && is_below(to) && fnmatch(pattern, to, 0) == 0 &&
           strncmp(from, to, (size_t)(slash - to)) != 0;
}

static int take(const char *from, const char *to)
{
    static const char inner[] = ".mpifetch-rehearsal";
    char aside[PATH_MAX], old[PATH_MAX], merged[PATH_MAX];
    rename_call *next;

    find("rename", &next, sizeof(next));
    snprintf(aside, sizeof(aside), "%.4000s~", to);
    snprintf(old, sizeof(old), "%.4000s~/%s", to, inner);
    snprintf(merged, sizeof(merged), "%.4000s/%s", to, inner);
    if (next(to, aside) < 0 || next(from, to) < 0)
        return -1;
    next(old, merged);
    if (!getenv("STEPS_TAKEN"))
        kill(getpid(), SIGKILL);
    return 0;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    char full_from[PATH_MAX], full_to[PATH_MAX];
    renameat_call *next;

    if (getenv("STEPS_TAKES") &&
        takes(path_in(from_dir, from, full_from), path_in(to_dir, to, full_to)))
        return take(full_from, full_to);
    find("renameat", &next, sizeof(next));
    return step_in(to_dir, to, next(from_dir, from, to_dir, to));
}

int mkdir(const char *path, mode_t mode)
{
    mkdir_call *next;

    find("mkdir", &next, sizeof(next));
    return step(path, next(path, mode));
}

int mkdirat(int dir, const char *path, mode_t mode)
{
    mkdirat_call *next;

    find("mkdirat", &next, sizeof(next));
    return step_in(dir, path, next(dir, path, mode));
}

char *mkdtemp(char *path)
{
    mkdtemp_call *next;
    char *made;

    find("mkdtemp", &next, sizeof(next));
    made = next(path);
    step(path, made ? 0 : -1);
    return made;
}

int link(const char *from, const char *to)
{
    link_call *next;

    find("link", &next, sizeof(next));
    return step(to, next(from, to));
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    linkat_call *next;

    find("linkat", &next, sizeof(next));
    return step_in(to_dir, to, next(from_dir, from, to_dir, to, flags));
}

int symlinkat(const char *target, int dir, const char *name)
{
    symlinkat_call *next;
    char path[PATH_MAX];

    find("symlinkat", &next, sizeof(next));
    if (getenv("STEPS_LINKLESS") && is_below(path_in(dir, name, path))) {
        errno = EPERM;
        return -1;
    }
    return step_in(dir, name, next(target, dir, name));
}

int symlink(const char *target, const char *path)
{
    symlink_call *next;

    find("symlink", &next, sizeof(next));
    if (getenv("STEPS_LINKLESS") && is_below(path)) {
        errno = EPERM;
        return -1;
    }
    return step(path, next(target, path));
}

int unlink(const char *path)
{
    unlink_call *next;

    find("unlink", &next, sizeof(next));
    return removal(path, next(path));
}

int rmdir(const char *path)
{
    unlink_call *next;

    find("rmdir", &next, sizeof(next));
    return removal(path, next(path));
}

int unlinkat(int dir, const char *name, int flags)
{
    unlinkat_call *next;
    char path[PATH_MAX];
    int rc;

    find("unlinkat", &next, sizeof(next));
    rc = next(dir, name, flags);
    return rc < 0 ? rc : removal(path_in(dir, name, path), rc);
}

static int show_owner(const char *path, struct stat *st, int rc)
{
    const char *uid = getenv("STEPS_UID");

    if (rc == 0 && uid && is_below(path))
        st->st_uid = (uid_t)atol(uid);
    return rc;
}

int fstat(int fd, struct stat *st)
{
    fstat_call *next;
    char path[PATH_MAX];
    int rc;

    find("fstat", &next, sizeof(next));
    rc = next(fd, st);
    if (rc == 0 && getenv("STEPS_UID")) {
        path_of(fd, path);
        return show_owner(path, st, rc);
    }
    return rc;
}

int fstatat(int dir, const char *name, struct stat *st, int flags)
{
    fstatat_call *next;
    char path[PATH_MAX];
    int rc;

    find("fstatat", &next, sizeof(next));
    rc = next(dir, name, st, flags);
    return rc == 0 && getenv("STEPS_UID") ? show_owner(path_in(dir, name, path), st, rc)
                                          : rc;
}

/* -1: nothing more may be written, and errno says why. */
static int room_for(int fd, size_t len)
{
    static atomic_llong written;
    static atomic_int lines; /* the first only says where they are written */
    const char *most = getenv("STEPS_ROOM"), *error = getenv("STEPS_ERROR");
    char path[PATH_MAX];
    bool full;

    if (!most || !error)
        return 0;
    path_of(fd, path);
    if (!is_below(path))
        return 0;
    full = atomic_fetch_add(&written, (long long)len) + (long long)len > atoll(most);
    if (fnmatch("*/journal/*", path, 0) == 0 && atomic_fetch_add(&lines, 1) < 2)
        return 0;
    if (!full || atomic_load(&lines) < 2)
        return 0;
    errno = atoi(error);
    return -1;
}

static void swap(const char *path)
{
    char other[PATH_MAX];
    rename_call *next;

    find("rename", &next, sizeof(next));
    snprintf(other, sizeof(other), "%.4000s~", path);
    next(other, path);
}

static ssize_t written(int fd, ssize_t rc)
{
    static atomic_long writes;
    static atomic_bool swapped;
    char path[PATH_MAX];

    if (rc >= 64 << 10 && getenv("STEPS_SWAP")) {
        path_of(fd, path);
        if (is_below(path) && !atomic_exchange(&swapped, true))
            swap(getenv("STEPS_SWAP"));
    }
    if (rc > 0 && getenv("STEPS_WRITES")) {
        path_of(fd, path);
        if (is_below(path))
            count(&writes, "STEPS_WRITES");
    }
    return rc;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    write_call *next;

    find("write", &next, sizeof(next));
    return room_for(fd, len) < 0 ? -1 : written(fd, next(fd, bytes, len));
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    pwrite_call *next;

    find("pwrite", &next, sizeof(next));
    return room_for(fd, len) < 0 ? -1 : written(fd, next(fd, bytes, len, at));
}

ssize_t copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t len,
                        unsigned flags)
{
    copy_call *next;

    find("copy_file_range", &next, sizeof(next));
    return room_for(to, len) < 0
               ? -1
               : written(to, next(from, from_at, to, to_at, len, flags));
}

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided)
{
    init_call *next;
    int rc;

    find("MPI_Init_thread", &next, sizeof(next));
    rc = next(argc, argv, required, provided);
    stop_at("MPI_Init_thread");
    return rc;
}

int sched_yield(void)
{
    const struct timespec moment = { .tv_nsec = 1000000 };
    yield_call *next;

    if (getenv("STEPS_PATIENT"))
        return nanosleep(&moment, NULL);
    find("sched_yield", &next, sizeof(next));
    return next();
}

int MPI_Finalize(void)
{
    finalize_call *next;

    find("MPI_Finalize", &next, sizeof(next));
    stop_at("MPI_Finalize");
    hold_at("MPI_Finalize");
    return next();
}

int MPI_Test(MPI_Request *request, int *flag, MPI_Status *status)
{
    test_call *next;

    find("MPI_Test", &next, sizeof(next));
    hold_at("MPI_Test");
    return next(request, flag, status);
}

int MPI_Isend(const void *bytes, int count, MPI_Datatype type, int to, int tag,
              MPI_Comm comm, MPI_Request *request)
{
    isend_call *next;

    find("MPI_Isend", &next, sizeof(next));
    hold_at("MPI_Isend");
    return next(bytes, count, type, to, tag, comm, request);
}

int syncfs(int fd)
{
    syncfs_call *next;

    find("syncfs", &next, sizeof(next));
    stop_at("syncfs");
    return next(fd);
}

int fsync(int fd)
{
    static atomic_long syncs;
    const char *most = getenv("STEPS_SYNCS"), *pattern = getenv("STEPS_SYNC_OF");
    char path[PATH_MAX];
    fsync_call *next;

    find("fsync", &next, sizeof(next));
    path_of(fd, path);
    if (!most || !is_below(path) || (pattern && fnmatch(pattern, path, 0) != 0) ||
        atomic_fetch_add(&syncs, 1) < atol(most))
        return next(fd);
    errno = EIO;
    return -1;
}
