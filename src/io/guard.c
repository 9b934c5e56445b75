#include "io/guard.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/state/stall.h"
#include "io/clock.h"
#include "io/heartbeat.h"

static const double LOOK = 0.25;   /* seconds between two looks */
static const double LONGEST = 1e8; /* seconds */

enum {
    STREAM_PATIENCE = 1000, /* milliseconds for a stream to accept the text */
    WHAT = 384,             /* bytes of each half of the sentence, with NUL */
    LINE = PATH_MAX + 2
};

/* One for the process, as is its main thread. */
static atomic_uint turned;
/* For the rest. It is not unlocked at the end, so that nobody can change
 * the outcome then. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stall stall;
static int code;
static char what[WHAT], advice[WHAT], line[LINE];

/* false: it cannot be written. */
static bool say_to(int fd, const char *text)
{
    struct pollfd stream = { .fd = fd, .events = POLLOUT };
    size_t len = strlen(text);

    while (len > 0) {
        ssize_t n;

        if (poll(&stream, 1, STREAM_PATIENCE) <= 0)
            return false;
        n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        len -= (size_t)n;
    }
    return true;
}

static void leave_process(void)
{
    const char *end = code == 0 ? "; the run has succeeded all the same" : advice;
    char text[2 * WHAT + 32] = "";

    heartbeat_hush();
    if (!say_to(STDOUT_FILENO, line)) {
        code = ERR_DEFECT; /* as where the main thread cannot write it */
        end = "; the run has succeeded, but stdout cannot be written to";
    }
    if (*what)
        snprintf(text, sizeof(text), "mpifetch: %s%s\n", what, end);
    say_to(STDERR_FILENO, text);
    _exit(code);
}

static void *look_on(void *arg)
{
    (void)arg;
    for (;;) {
        clock_sleep(LOOK);
        pthread_mutex_lock(&lock);
        if (stall_look(&stall, atomic_load(&turned)))
            leave_process();
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

int guard_start(struct err *err)
{
    pthread_t thread;
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    rc = pthread_create(&thread, NULL, look_on, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return err_set(err, ERR_DEFECT, "starting a thread: %s", strerror(rc));
    pthread_detach(thread);
    return 0;
}

static unsigned looks_for(double seconds)
{
    if (!(seconds > 0))
        return 0;
    return (unsigned)((seconds < LONGEST ? seconds : LONGEST) / LOOK) + 1;
}

void guard_watch(const struct guard_watch *watch)
{
    pthread_mutex_lock(&lock);
    stall = (struct stall){ looks_for(watch->seconds), atomic_load(&turned), 0 };
    code = watch->code;
    snprintf(what, sizeof(what), "%s", watch->what ? watch->what : "");
    snprintf(advice, sizeof(advice), "%s", watch->advice ? watch->advice : "");
    pthread_mutex_unlock(&lock);
}

void guard_turn(void)
{
    atomic_fetch_add_explicit(&turned, 1, memory_order_relaxed);
}

void guard_settle(const char *text)
{
    pthread_mutex_lock(&lock);
    code = 0;
    if (text)
        snprintf(line, sizeof(line), "%s\n", text);
    pthread_mutex_unlock(&lock);
}

void guard_settle_line(void)
{
    pthread_mutex_lock(&lock);
    line[0] = '\0';
    pthread_mutex_unlock(&lock);
}
