/* launcher.c -- preloaded into mpirun alone: when a rank has failed, or it shall end itself,
 * it wakes who is stopped, sleeps for whole seconds, tells all to end, and sleeps as long
 * before it kills what is left. Here it goes on as soon as nothing is left; who is still
 * there has as long as ever, but where no rank knows of an end yet: none has ended, and none
 * was told to. It must stand first in LD_PRELOAD, and takes itself out, so that the ranks do
 * not get it. */
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef pid_t fork_call(void);
typedef int kill_call(pid_t pid, int number);

enum { most_children = 256 };
static pid_t child[most_children];
static int children;
static bool told;

__attribute__((constructor)) static void leave_environment(void)
{
    const char *preload = getenv("LD_PRELOAD");
    const char *rest = preload ? strchr(preload, ':') : NULL;

    if (rest)
        setenv("LD_PRELOAD", rest + 1, 1);
    else
        unsetenv("LD_PRELOAD");
}

/* The call that this library stands in front of. ISO C has no cast from an object to a
 * function. */
static void find(const char *name, void *call, size_t size)
{
    void *found = dlsym(RTLD_NEXT, name);

    memcpy(call, &found, size);
}

pid_t fork(void)
{
    fork_call *real;
    pid_t pid;

    find("fork", &real, sizeof(real));
    pid = real();
    if (pid > 0 && children < most_children)
        child[children++] = pid;
    return pid;
}

int kill(pid_t pid, int number)
{
    kill_call *real;

    find("kill", &real, sizeof(real));
    told = told || number == SIGTERM;
    return real(pid, number);
}

static bool lives(pid_t pid)
{
    siginfo_t info = { 0 };

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

/* If there is somebody to wait for. Children that are not counted are. */
static bool may_end(void)
{
    int i, living = 0;

    if (children == 0 || children == most_children)
        return true;
    for (i = 0; i < children; i++)
        living += lives(child[i]);
    return living > 0 && (told || living < children);
}

static double now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

unsigned sleep(unsigned seconds)
{
    const struct timespec moment = { .tv_nsec = 2000000 };
    double until = now() + seconds;

    while (may_end() && now() < until)
        nanosleep(&moment, NULL);
    return 0;
}
