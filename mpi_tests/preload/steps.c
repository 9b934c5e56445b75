/* steps.c -- preloaded into the program: what it does to names below one directory is
 * counted, and ends or fails where a test wants it to.
 *
 *     STEPS_BELOW=DIR     only names below DIR count
 *     STEPS_KILL=N        SIGKILL to itself right after the Nth change of a name there
 *     STEPS_LINKLESS=1    no symlinks there, as on a file system that has none */
#include <dlfcn.h>
#include <errno.h>
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

/* The program changes such names on one thread only. */
static int step(const char *path, int rc)
{
    static long steps;
    const char *end = getenv("STEPS_KILL");

    if (rc == 0 && end && is_below(path) && ++steps == atol(end))
        kill(getpid(), SIGKILL);
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
