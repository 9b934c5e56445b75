#include "phase/aside.h"

#include <stdatomic.h>

#include "io/clock.h"
#include "io/pool.h"
#include "phase/run.h"

static const double ASIDE_LISTEN = 0.01; /* seconds between two looks for messages */

struct aside {
    struct job job;
    int (*work)(void *arg, struct err *err);
    void *arg;
    struct err why; /* written before stop is set, and never again */
    atomic_bool stop;
    atomic_uint listened; /* how often the main thread has */
};

/* The first may have begun before it was asked for. */
enum { ASIDE_ANEW = 2 };

static int run_work(struct job *job)
{
    struct aside *aside = job->owner;

    return aside->work(aside->arg, &job->err);
}

static void no_wake(void *arg)
{
    (void)arg;
}

int aside_poll(struct aside *aside, struct err *err)
{
    if (!atomic_load_explicit(&aside->stop, memory_order_acquire))
        return 0;
    return err_copy(err, &aside->why);
}

int aside_ask(struct aside *aside, struct err *err)
{
    unsigned from = atomic_load(&aside->listened);

    while (!atomic_load(&aside->stop) &&
           atomic_load(&aside->listened) - from < ASIDE_ANEW)
        clock_sleep(0.001);
    return aside_poll(aside, err);
}

/* Whoever is lost meanwhile, the others must not take this rank for dead as well. */
static int listen(struct run *run, struct err *err)
{
    if (!run->vigil.lost)
        return agree_listen(run, err);
    vigil_speak(run);
    return 0;
}

static void wait_and_listen(struct run *run, struct aside *aside, struct pool *pool)
{
    bool stopped = false;

    while (!pool_finished(pool)) {
        struct err err = { 0 };

        if (listen(run, &err) < 0 && !stopped) {
            stopped = true;
            aside->why = err;
            atomic_store_explicit(&aside->stop, true, memory_order_release);
        }
        atomic_fetch_add(&aside->listened, 1);
        pool_wait(pool, ASIDE_LISTEN);
    }
}

int aside_run(struct run *run, int (*work)(void *arg, struct err *err), void *arg,
              struct err *err)
{
    struct aside aside = { .work = work, .arg = arg };
    struct pool *pool;

    /* Without a thread it is done here, and the rest must be patient. */
    if (pool_create(&pool, 1, no_wake, NULL, NULL) < 0)
        return work(arg, err);
    aside.job.run = run_work;
    aside.job.owner = &aside;
    run->aside = &aside;
    pool_submit(pool, &aside.job, POOL_ORDINARY);
    wait_and_listen(run, &aside, pool);
    pool_destroy(pool);
    run->aside = NULL;
    return aside.job.rc < 0 ? err_copy(err, &aside.job.err) : aside.job.rc;
}
