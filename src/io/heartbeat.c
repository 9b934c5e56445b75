#include "io/heartbeat.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "io/fs/fs_at.h"

enum {
    BEAT_SECONDS = 2,
    BEAT_TEXT = 24,
    STALE_MOST = 5 /* beats: a server that fails over, or is started again, may say so */
};

struct heartbeat {
    pthread_t thread;
    pthread_mutex_t lock; /* guards dir and stop, and is held over each write */
    pthread_cond_t wake;
    struct fs_dir dir;
    bool stop;
    uint64_t number;
    unsigned stale; /* beats in a row that the server knew nothing of */
    atomic_bool lost;
};

static const char name[] = "beat";
static atomic_bool hushed; /* of the process */

static size_t put_number(char text[BEAT_TEXT], uint64_t number)
{
    return (size_t)snprintf(text, BEAT_TEXT, "%020" PRIu64 "\n", number);
}

static bool is_lost(struct heartbeat *beat, int reason)
{
    if (reason != ESTALE)
        return reason == ENOENT || reason == ENOTDIR;
    return ++beat->stale == STALE_MOST;
}

/* By name each time: whoever takes over the staging renames the directory, and an open
 * file would not notice. For up to a minute NFS may resolve the old name of a renamed
 * directory, until the parent is looked up again. */
static void write_number(struct heartbeat *beat)
{
    char text[BEAT_TEXT];
    size_t len = put_number(text, ++beat->number);
    int fd;

    fs_refresh(&beat->dir, ".");
    fd = fs_at_open(&beat->dir, name, O_WRONLY | O_NOFOLLOW, 0);
    if (fd < 0 || fs_dir_same(&beat->dir, NULL) < 0) {
        if (is_lost(beat, errno))
            atomic_store(&beat->lost, true);
    } else {
        beat->stale = 0;
        if (pwrite(fd, text, len, 0) < 0) {
            /* A full or failing disk is reported by those who write data. */
            (void)errno;
        }
    }
    if (fd >= 0)
        close(fd);
}

static void *run(void *arg)
{
    struct heartbeat *beat = arg;
    struct timespec until;

    pthread_mutex_lock(&beat->lock);
    clock_gettime(CLOCK_MONOTONIC, &until);
    while (!beat->stop) {
        until.tv_sec += BEAT_SECONDS;
        while (!beat->stop &&
               pthread_cond_timedwait(&beat->wake, &beat->lock, &until) != ETIMEDOUT)
            ;
        if (!beat->stop && !atomic_load(&beat->lost) && !atomic_load(&hushed))
            write_number(beat);
        clock_gettime(CLOCK_MONOTONIC, &until);
    }
    pthread_mutex_unlock(&beat->lock);
    return NULL;
}

static int start_thread(struct heartbeat *beat)
{
    pthread_condattr_t attributes;
    sigset_t all, before;
    int rc;

    pthread_mutex_init(&beat->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&beat->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    rc = pthread_create(&beat->thread, NULL, run, beat);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static void release(struct heartbeat *beat)
{
    pthread_cond_destroy(&beat->wake);
    pthread_mutex_destroy(&beat->lock);
    fs_dir_close(&beat->dir);
    free(beat);
}

int heartbeat_start(struct heartbeat **out, const struct fs_dir *dir, struct err *err)
{
    struct heartbeat *beat = calloc(1, sizeof(*beat));
    char text[BEAT_TEXT];
    int rc;

    *out = NULL;
    if (!beat)
        return err_memory(err, "the sign of life");
    if (fs_dir_below(&beat->dir, dir, ".", err) < 0 ||
        fs_write_all(dir, name, text, put_number(text, 0), false, false, err) < 0) {
        fs_dir_close(&beat->dir);
        free(beat);
        return -1;
    }
    rc = start_thread(beat);
    if (rc != 0) {
        release(beat);
        return err_set(err, ERR_DEFECT, "cannot start a thread: %s", strerror(rc));
    }
    *out = beat;
    return 0;
}

int heartbeat_move(struct heartbeat *beat, const struct fs_dir *dir, struct err *err)
{
    struct fs_dir copy;

    if (fs_dir_below(&copy, dir, ".", err) < 0)
        return -1;
    pthread_mutex_lock(&beat->lock);
    fs_dir_close(&beat->dir);
    beat->dir = copy;
    atomic_store(&beat->lost, false);
    pthread_mutex_unlock(&beat->lock);
    return 0;
}

void heartbeat_hush(void)
{
    atomic_store(&hushed, true);
}

bool heartbeat_lost(const struct heartbeat *beat)
{
    return beat && atomic_load(&beat->lost);
}

bool heartbeat_read(const struct fs_dir *dir, uint64_t *number)
{
    char *text = NULL;
    size_t len = 0;
    bool good = false;

    if (fs_read_regular(dir, name, BEAT_TEXT, &text, &len, NULL) == 0) {
        if (len > 0 && text[len - 1] == '\n')
            text[len - 1] = '\0';
        good = text_to_u64(text, number);
    }
    free(text);
    return good;
}

void heartbeat_stop(struct heartbeat *beat)
{
    if (!beat)
        return;
    pthread_mutex_lock(&beat->lock);
    beat->stop = true;
    pthread_cond_signal(&beat->wake);
    pthread_mutex_unlock(&beat->lock);
    pthread_join(beat->thread, NULL);
    release(beat);
}
