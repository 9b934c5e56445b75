#include "io/guard.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "core/state/stall.h"
#include "io/clock.h"
#include "io/heartbeat.h"

static const double LOOK = 0.25;   /* seconds between two looks */
static const double LONGEST = 1e8; /* seconds */

/* For a stream to accept the text: so many, after so long each. */
enum { STREAM_LOOKS = 100 };
static const double STREAM_LOOK = 0.01; /* seconds */

enum {
    WHAT = 384,    /* bytes of each half of the sentence, with NUL */
    FAULT = 640,   /* of the line of a failed run */
    FAULTS = 4096, /* of several */
    LINE = PATH_MAX + 2,
    LINES = 16 * LINE
};

/* One for the process, as is its main thread. */
static atomic_uint turned;
/* For the rest. It is not unlocked at the end, so that nobody can change
 * the outcome then. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stall stall;
static int code;
static int open_code; /* while the outcome in hand is open */
static int worst;     /* of the outcomes before it */
static bool failed;   /* the one in hand */
static char what[WHAT], advice[WHAT], fault[FAULTS], line[LINES];
static size_t lines; /* bytes of what the outcomes before have for stdout */
static bool telling; /* the main thread is writing the line */

/* A standard stream, with a thread that writes to it: where it leads into a file on a file
 * system that hangs, poll() calls it writable, and write() does not return. */
static struct stream {
    int fd;
    const char *text;
    sem_t asked;
    bool written;
    atomic_bool over; /* written is set */
} out = { .fd = STDOUT_FILENO }, errors = { .fd = STDERR_FILENO };

/* false: it cannot be written. */
static bool write_all(int fd, const char *text)
{
    struct pollfd stream = { .fd = fd, .events = POLLOUT };
    size_t len = strlen(text);

    while (len > 0) {
        ssize_t n;

        poll(&stream, 1, -1); /* it may be in non-blocking mode */
        n = write(fd, text, len);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return false;
        text += n;
        len -= (size_t)n;
    }
    return true;
}

static void *serve_stream(void *arg)
{
    struct stream *stream = arg;

    while (sem_wait(&stream->asked) < 0)
        ;
    stream->written = write_all(stream->fd, stream->text);
    atomic_store(&stream->over, true);
    return NULL;
}

/* Once for each stream. false: it does not accept the text. */
static bool say_to(struct stream *stream, const char *text)
{
    if (!*text)
        return true;
    stream->text = text;
    sem_post(&stream->asked);
    for (int i = 0; i < STREAM_LOOKS; i++) {
        if (atomic_load(&stream->over))
            return stream->written;
        clock_sleep(STREAM_LOOK);
    }
    return false;
}

static void leave_process(void)
{
    const char *end = code == 0 ? "; the run has succeeded all the same"
                      : failed  ? ""
                                : advice;
    char text[FAULTS + 2 * WHAT + 32];
    int len;

    heartbeat_hush();
    if (telling || !say_to(&out, line)) {
        code = ERR_DEFECT; /* as where the main thread cannot write it */
        end = "; the run has succeeded, but stdout cannot be written to";
    }
    len = snprintf(text, sizeof(text), "%s", fault);
    if (*what)
        snprintf(text + len, sizeof(text) - (size_t)len, "mpifetch: %s%s\n", what, end);
    say_to(&errors, text);
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

/* No signal is handled there. */
static int start_thread(void *(*run)(void *arg), void *arg, struct err *err)
{
    pthread_t thread;
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    rc = pthread_create(&thread, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return err_set(err, ERR_DEFECT, "starting a thread: %s", strerror(rc));
    pthread_detach(thread);
    return 0;
}

int guard_start(struct err *err)
{
    sem_init(&out.asked, 0, 0);
    sem_init(&errors.asked, 0, 0);
    if (start_thread(serve_stream, &out, err) < 0 ||
        start_thread(serve_stream, &errors, err) < 0)
        return -1;
    return start_thread(look_on, NULL, err);
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
    code = open_code = watch->code;
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
    code = worst;
    if (text && lines + strlen(text) + 2 <= sizeof(line))
        snprintf(line + lines, sizeof(line) - lines, "%s\n", text);
    pthread_mutex_unlock(&lock);
}

void guard_fail(int outcome, const char *text)
{
    char masked[FAULT - 16];
    size_t len;

    snprintf(masked, sizeof(masked), "%s", text ? text : "");
    utf8_mask(masked);
    pthread_mutex_lock(&lock);
    len = strlen(fault);
    code = outcome > worst ? outcome : worst;
    failed = true;
    if (text && len + sizeof(masked) + 16 <= sizeof(fault))
        snprintf(fault + len, sizeof(fault) - len, "mpifetch: %s\n", masked);
    pthread_mutex_unlock(&lock);
}

void guard_reopen(void)
{
    pthread_mutex_lock(&lock);
    worst = code;
    failed = false;
    code = open_code;
    lines = strlen(line);
    pthread_mutex_unlock(&lock);
}

void guard_tell(void)
{
    pthread_mutex_lock(&lock);
    telling = *line;
    line[0] = '\0';
    fault[0] = '\0';
    pthread_mutex_unlock(&lock);
}

void guard_told(void)
{
    pthread_mutex_lock(&lock);
    telling = false;
    pthread_mutex_unlock(&lock);
}
