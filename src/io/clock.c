#include "io/clock.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static int64_t nanoseconds(clockid_t which)
{
    struct timespec t = { 0 };

    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

double clock_now(void)
{
    return (double)nanoseconds(CLOCK_MONOTONIC) / 1e9;
}

int64_t clock_wall(void)
{
    return nanoseconds(CLOCK_REALTIME);
}

double clock_random(void)
{
    uint64_t bits;

    /* Without random bytes from the kernel the clock must do: ranks of one node
     * differ by pid. */
    if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != (ssize_t)sizeof(bits))
        bits = ((uint64_t)clock_wall() ^ (uint64_t)getpid() << 32) * 0x9e3779b97f4a7c15u;
    return (double)(bits >> 11) / 9007199254740992.0; /* 53 bits: 1.0 cannot come out */
}

void clock_sleep(double seconds)
{
    struct timespec left;

    if (!(seconds > 0))
        return;
    if (seconds > 1e9)
        seconds = 1e9; /* time_t holds it everywhere, and it is long enough */
    left.tv_sec = (time_t)seconds;
    left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

double clock_cpu(void)
{
    return (double)nanoseconds(CLOCK_PROCESS_CPUTIME_ID) / 1e9;
}

uint64_t clock_peak(void)
{
    struct rusage usage = { 0 };

    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024; /* Linux counts in KiB */
}
