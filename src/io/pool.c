#include "io/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "io/clock.h"

enum { THREADS_LEAST = 2 }; /* the one that only serves sockets, and one more */

struct queue {
    struct job *first;
    struct job *last; /* meaningful while first is not NULL */
};

struct thread {
    struct pool *pool;
    int index;
    const enum pool_class *order; /* in which it takes jobs */
    pthread_cond_t *sleep;        /* there may be one for it */
    pthread_t id;
};

struct pool {
    pthread_mutex_t lock;  /* of the fields down to ending */
    pthread_cond_t some;   /* for all threads but the first: there is a job */
    pthread_cond_t first;  /* for the first: there is an urgent job */
    pthread_cond_t source; /* for readers: there is a job for them */
    pthread_cond_t back;   /* for pool_wait: a job has ended */
    struct queue waiting[POOL_CLASSES];
    struct queue finished;
    bool first_idle; /* the first thread sleeps and nobody has woken it */
    bool ending;
    atomic_uint unfinished;
    atomic_bool stopping;
    void (*wake)(void *arg);
    void *arg;
    unsigned count, started; /* of threads: all; how many run */
    struct thread threads[];
};

static void queue_add(struct queue *queue, struct job *job)
{
    job->next = NULL;
    if (queue->first)
        queue->last->next = job;
    else
        queue->first = job;
    queue->last = job;
}

static struct job *queue_take(struct queue *queue)
{
    struct job *job = queue->first;

    if (job)
        queue->first = job->next;
    return job;
}

/* What the threads take, in this order: where there are three, each class has one that is
 * there for it, so that none waits for ever. */
static const enum pool_class orders[][POOL_CLASSES - 1] = {
    { POOL_URGENT, POOL_URGENT, POOL_URGENT },
    { POOL_ORDINARY, POOL_URGENT, POOL_CHAIN },
    { POOL_CHAIN, POOL_URGENT, POOL_ORDINARY },
};
/* Storage that is slow for others as well may take seconds for a read: no job that needs
 * this node alone waits behind one. */
static const enum pool_class reads[POOL_CLASSES - 1] = { POOL_SOURCE, POOL_SOURCE,
                                                         POOL_SOURCE };

static struct thread thread_of(struct pool *pool, unsigned index, unsigned readers)
{
    unsigned last = countof(orders) - 1, row = index;
    struct thread thread = { .pool = pool, .index = (int)index, .order = reads };

    thread.sleep = index == 0 ? &pool->first : &pool->some;
    if (row > last || (row > 0 && pool->count - readers <= last))
        row = last;
    if (index < pool->count - readers)
        thread.order = orders[row];
    else
        thread.sleep = &pool->source;
    return thread;
}

static struct job *find_job(struct pool *pool, const struct thread *self)
{
    struct job *job = NULL;

    for (size_t i = 0; i < POOL_CLASSES - 1 && !job; i++)
        job = queue_take(&pool->waiting[self->order[i]]);
    return job;
}

/* The next job that this thread may do; NULL: the pool ends. The lock is held. */
static struct job *wait_for_job(struct pool *pool, const struct thread *self)
{
    bool only_urgent = self->index == 0;
    struct job *job;

    while (!pool->ending) {
        job = find_job(pool, self);
        if (job)
            return job;
        if (only_urgent)
            pool->first_idle = true;
        pthread_cond_wait(self->sleep, &pool->lock);
        if (only_urgent)
            pool->first_idle = false; /* a spurious wake-up */
    }
    return NULL;
}

static void run_job(struct job *job, int thread)
{
    job->thread = thread;
    job->started = clock_now();
    job->rc = job->run(job);
    job->ended = clock_now();
}

static void *thread_main(void *arg)
{
    struct thread *self = arg;
    struct pool *pool = self->pool;
    struct job *job;

    pthread_mutex_lock(&pool->lock);
    while ((job = wait_for_job(pool, self)) != NULL) {
        pthread_mutex_unlock(&pool->lock);
        run_job(job, self->index);
        pthread_mutex_lock(&pool->lock);
        queue_add(&pool->finished, job);
        pthread_cond_signal(&pool->back);
        pthread_mutex_unlock(&pool->lock);
        pool->wake(pool->arg);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Threads inherit the mask. Signals for a fault of the running instruction stay enabled:
 * blocked, they would kill the process without a trace of where. */
static void block_signals(sigset_t *before)
{
    sigset_t all;

    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    pthread_sigmask(SIG_SETMASK, &all, before);
}

static int start_threads(struct pool *pool, unsigned readers, struct err *err)
{
    sigset_t before;
    int reason = 0;

    block_signals(&before);
    while (pool->started < pool->count && reason == 0) {
        struct thread *thread = &pool->threads[pool->started];

        *thread = thread_of(pool, pool->started, readers);
        reason = pthread_create(&thread->id, NULL, thread_main, thread);
        pool->started += reason == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (reason != 0)
        return err_set(err, ERR_DEFECT, "cannot start thread %u of %u: %s",
                       pool->started + 1, pool->count, strerror(reason));
    return 0;
}

/* With the monotonic clock. */
static void init_back(pthread_cond_t *back)
{
    pthread_condattr_t how;

    pthread_condattr_init(&how);
    pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    pthread_cond_init(back, &how);
    pthread_condattr_destroy(&how);
}

int pool_create(struct pool **out, unsigned threads, unsigned readers,
                void (*wake)(void *arg), void *arg, struct err *err)
{
    unsigned count = (threads < THREADS_LEAST ? THREADS_LEAST : threads) + readers;
    struct pool *pool = calloc(1, sizeof(*pool) + count * sizeof(pool->threads[0]));

    *out = NULL;
    if (!pool)
        return err_memory(err, "a thread pool");
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->some, NULL);
    pthread_cond_init(&pool->first, NULL);
    pthread_cond_init(&pool->source, NULL);
    init_back(&pool->back);
    pool->wake = wake;
    pool->count = count;
    pool->arg = arg;
    if (start_threads(pool, readers, err) < 0) {
        pool_destroy(pool);
        return -1;
    }
    *out = pool;
    return 0;
}

void pool_submit(struct pool *pool, struct job *job, enum pool_class class)
{
    err_clear(&job->err);
    atomic_fetch_add(&pool->unfinished, 1);
    pthread_mutex_lock(&pool->lock);
    queue_add(&pool->waiting[class], job);
    /* One job, one thread woken. The first is the one that has nothing else to do; once
     * it has been woken for one job it does not count for the next. */
    if (class == POOL_URGENT && pool->first_idle) {
        pool->first_idle = false;
        pthread_cond_signal(&pool->first);
    } else {
        pthread_cond_signal(class == POOL_SOURCE ? &pool->source : &pool->some);
    }
    pthread_mutex_unlock(&pool->lock);
}

static struct job *take_finished(struct pool *pool)
{
    struct job *job;

    pthread_mutex_lock(&pool->lock);
    job = queue_take(&pool->finished);
    pthread_mutex_unlock(&pool->lock);
    if (job)
        atomic_fetch_sub(&pool->unfinished, 1);
    return job;
}

int pool_reap(struct pool *pool, struct err *err)
{
    struct job *job = take_finished(pool);

    if (!job)
        return 0;
    return job->done && job->done(job, err) < 0 ? -1 : 1;
}

void pool_drop(struct pool *pool)
{
    while (take_finished(pool))
        ;
}

void pool_wait(struct pool *pool, double seconds)
{
    double until = clock_now() + seconds;
    struct timespec end = { .tv_sec = (time_t)until };

    end.tv_nsec = (long)((until - (double)end.tv_sec) * 1e9);
    pthread_mutex_lock(&pool->lock);
    while (!pool->finished.first &&
           pthread_cond_timedwait(&pool->back, &pool->lock, &end) == 0)
        ;
    pthread_mutex_unlock(&pool->lock);
}

unsigned pool_unfinished(const struct pool *pool)
{
    return atomic_load(&pool->unfinished);
}

bool pool_stopping(const struct pool *pool)
{
    return atomic_load_explicit(&pool->stopping, memory_order_relaxed);
}

void pool_stop(struct pool *pool)
{
    atomic_store(&pool->stopping, true);
}

void pool_destroy(struct pool *pool)
{
    if (!pool)
        return;
    pool_stop(pool);
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_cond_broadcast(&pool->some);
    pthread_cond_broadcast(&pool->first);
    pthread_cond_broadcast(&pool->source);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->started; i++)
        pthread_join(pool->threads[i].id, NULL);
    pthread_cond_destroy(&pool->back);
    pthread_cond_destroy(&pool->source);
    pthread_cond_destroy(&pool->first);
    pthread_cond_destroy(&pool->some);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
