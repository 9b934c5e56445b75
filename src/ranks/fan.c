#include "ranks/fan.h"

#include <stdatomic.h>

#include "ranks/background.h"

enum { FAN_THREADS = 4 };

static const double FAN_POLL = 0.01; /* seconds between two looks for a signal */

struct fan {
    int (*work)(void *arg, size_t i, const struct pool *pool, struct err *err);
    void *arg;
    struct pool *pool;
    size_t count;
    atomic_size_t next;
};

static int run_some(struct job *job)
{
    struct fan *fan = job->owner;
    int rc = 0;

    while (rc == 0 && !pool_stopping(fan->pool)) {
        size_t i = atomic_fetch_add(&fan->next, 1);

        if (i >= fan->count)
            break;
        rc = fan->work(fan->arg, i, fan->pool, &job->err);
    }
    if (rc < 0)
        pool_stop(fan->pool);
    return rc;
}

static void no_wake(void *arg)
{
    (void)arg;
}

int fan_out(struct ranks *ranks, size_t count,
            int (*work)(void *arg, size_t i, const struct pool *pool, struct err *err),
            void *arg, struct err *err)
{
    struct fan fan = { .work = work, .arg = arg, .count = count };
    struct job job[FAN_THREADS];
    struct err stop = { 0 };
    int rc = 0;

    if (pool_create(&fan.pool, FAN_THREADS, 0, no_wake, NULL, err) < 0)
        return -1;
    for (int i = 0; i < FAN_THREADS; i++) {
        job[i] = (struct job){ .run = run_some, .owner = &fan };
        pool_submit(fan.pool, &job[i], POOL_ORDINARY);
    }
    while (pool_unfinished(fan.pool) > 0) {
        if (rc == 0 && background_poll(ranks, &stop) < 0) {
            rc = -1;
            pool_stop(fan.pool);
        }
        pool_wait(fan.pool, FAN_POLL);
        while (pool_reap(fan.pool, NULL) > 0)
            ;
    }
    pool_destroy(fan.pool);
    if (rc < 0)
        return err_copy(err, &stop);
    /* What the others say is that they were stopped. */
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < FAN_THREADS; i++)
            if (job[i].rc < 0 && (pass > 0 || job[i].err.code != ERR_INTERRUPTED))
                return err_copy(err, &job[i].err);
    return 0;
}
