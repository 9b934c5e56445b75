#include "ranks/background.h"

#include <stdatomic.h>

#include "io/clock.h"
#include "io/pool.h"
#include "ranks/mail.h"
#include "ranks/ranks.h"

static const double BACKGROUND_LISTEN = 0.01; /* seconds between two looks for messages */

struct background {
    struct job job;
    int (*work)(void *arg, struct err *err);
    void *arg;
    struct err why; /* written before stop is set, and never again */
    atomic_bool stop;
    atomic_uint listened; /* how often the main thread has */
};

/* One round may have begun before the request: so two have to pass. */
enum { BACKGROUND_ANEW = 2 };

static int run_work(struct job *job)
{
    struct background *background = job->owner;

    return background->work(background->arg, &job->err);
}

static void no_wake(void *arg)
{
    (void)arg;
}

static int check_stop(struct background *background, struct err *err)
{
    if (!atomic_load_explicit(&background->stop, memory_order_acquire))
        return 0;
    return err_copy(err, &background->why);
}

int background_poll(struct ranks *ranks, struct err *err)
{
    return ranks->background ? check_stop(ranks->background, err)
                             : agree_listen(ranks, err);
}

int background_ask(struct ranks *ranks, struct err *err)
{
    struct background *background = ranks->background;
    unsigned from;

    if (!background)
        return agree_listen(ranks, err);
    from = atomic_load(&background->listened);
    while (!atomic_load(&background->stop) &&
           atomic_load(&background->listened) - from < BACKGROUND_ANEW)
        clock_sleep(0.001);
    return check_stop(background, err);
}

/* If a rank is lost meanwhile, this one still has to send signs of life. */
static int listen(struct ranks *ranks, struct err *err)
{
    if (!ranks->liveness.lost)
        return agree_listen(ranks, err);
    mail_speak(ranks);
    return 0;
}

static void wait_and_listen(struct ranks *ranks, struct background *background,
                            struct pool *pool)
{
    bool stopped = false;

    while (pool_reap(pool, NULL) == 0) {
        struct err err = { 0 };

        if (listen(ranks, &err) < 0 && !stopped) {
            stopped = true;
            background->why = err;
            atomic_store_explicit(&background->stop, true, memory_order_release);
        }
        atomic_fetch_add(&background->listened, 1);
        pool_wait(pool, BACKGROUND_LISTEN);
    }
}

int background_run(struct ranks *ranks, int (*work)(void *arg, struct err *err),
                   void *arg, struct err *err)
{
    struct background background = { .work = work, .arg = arg };
    struct pool *pool;

    /* If no thread can be created the work is done here, and the other
     * ranks have to wait. */
    if (pool_create(&pool, 1, 0, no_wake, NULL, NULL) < 0)
        return work(arg, err);
    background.job.run = run_work;
    background.job.owner = &background;
    ranks->background = &background;
    pool_submit(pool, &background.job, POOL_ORDINARY);
    wait_and_listen(ranks, &background, pool);
    pool_destroy(pool);
    ranks->background = NULL;
    return background.job.rc < 0 ? err_copy(err, &background.job.err) : background.job.rc;
}
