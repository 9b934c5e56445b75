/* steps.c -- preloaded into the program: what it does to names below one directory is
 * counted, and ends or fails where a test wants it to.
 *
 *     STEPS_BELOW=DIR     only names below DIR count
 *     STEPS_KILL=N        SIGKILL to itself right after the Nth change of a name there
 *     STEPS_STOP=PATTERN  SIGSTOP to itself, once: right after a name there was made that
 *                         matches, after MPI_Init_thread, or before MPI_Finalize or
 * syncfs STEPS_HOLD=PATTERN  right after a name there was made that matches its thread
 * waits until there is STEPS_GATE STEPS_LINKLESS=1    no symlinks there, as on a file
 * system that has none */
#include <dlfcn.h>
#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int rename_call(const char *from, const char *to);
typedef int renameat2_call(int from_dir, const char *from, int to_dir, const char *to,
                           unsigned flags);
typedef int mkdir_call(const char *path, mode_t mode);
typedef int symlink_call(const char *target, const char *path);

typedef int init_call(int *argc, char ***argv, int required, int *provided);
typedef int finalize_call(void);
typedef int syncfs_call(int fd);

/* What this library stands in front of. ISO C has no cast from an object to a function.
 */
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

static void stop_at(const char *name)
{
    static bool stopped;
    const char *pattern = getenv("STEPS_STOP");

    if (stopped || !pattern || fnmatch(pattern, name, 0) != 0)
        return;
    stopped = true;
    kill(getpid(), SIGSTOP);
}

static void hold_at(const char *name)
{
    const char *pattern = getenv("STEPS_HOLD");

    if (!pattern || fnmatch(pattern, name, 0) != 0)
        return;
    while (access(getenv("STEPS_GATE"), F_OK) != 0)
        usleep(1000);
}

/* The program changes such names on one thread at a time. */
static int step(const char *path, int rc)
{
    static long steps;
    const char *end = getenv("STEPS_KILL");

    if (rc == 0 && end && is_below(path) && ++steps == atol(end))
        kill(getpid(), SIGKILL);
    if (rc == 0 && is_below(path)) {
        stop_at(path);
        hold_at(path);
    }
    return rc;
}

int rename(const char *from, const char *to)
{
    rename_call *next;

    find("rename", &next, sizeof(next));
    return step(to, next(from, to));
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    renameat2_call *next;

    find("renameat2", &next, sizeof(next));
    return step(to, next(from_dir, from, to_dir, to, flags));
}

int mkdir(const char *path, mode_t mode)
{
    mkdir_call *next;

    find("mkdir", &next, sizeof(next));
    return step(path, next(path, mode));
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

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided)
{
    init_call *next;
    int rc;

    find("MPI_Init_thread", &next, sizeof(next));
    rc = next(argc, argv, required, provided);
    stop_at("MPI_Init_thread");
    return rc;
}

int MPI_Finalize(void)
{
    finalize_call *next;

    find("MPI_Finalize", &next, sizeof(next));
    stop_at("MPI_Finalize");
    return next();
}

int syncfs(int fd)
{
    syncfs_call *next;

    find("syncfs", &next, sizeof(next));
    stop_at("syncfs");
    return next(fd);
}
