/* Threads: who takes which job, what comes back, and what happens at the end. Jobs meet
 * at gates, so nothing here depends on how fast a thread is. Run it with
 * -fsanitize=thread as well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "io/pool.h"

/* What tests and jobs share. */
struct stage {
    struct pool *pool;
    sem_t woken;   /* once for each wake */
    sem_t entered; /* once for each job at the gate */
    sem_t gate;    /* once for each job that may pass */
    atomic_int ran;
    struct job *back;  /* whose done was called last */
    pthread_t back_on; /* and on which thread */
};

static void wake(void *arg)
{
    struct stage *stage = arg;

    sem_post(&stage->woken);
}

static void wait_for(sem_t *sem)
{
    while (sem_wait(sem) < 0)
        ;
}

static void stage_open_with(struct stage *stage, unsigned threads, unsigned readers)
{
    struct err err = { 0 };

    memset(stage, 0, sizeof(*stage));
    sem_init(&stage->woken, 0, 0);
    sem_init(&stage->entered, 0, 0);
    sem_init(&stage->gate, 0, 0);
    assert_int_equal(pool_create(&stage->pool, threads, readers, wake, stage, &err), 0);
}

static void stage_open(struct stage *stage, unsigned threads)
{
    stage_open_with(stage, threads, 0);
}

static void stage_close(struct stage *stage)
{
    pool_destroy(stage->pool);
    sem_destroy(&stage->woken);
    sem_destroy(&stage->entered);
    sem_destroy(&stage->gate);
}

static int run_and_count(struct job *job)
{
    struct stage *stage = job->owner;

    atomic_fetch_add(&stage->ran, 1);
    return 0;
}

static int run_to_the_gate(struct job *job)
{
    struct stage *stage = job->owner;

    sem_post(&stage->entered);
    wait_for(&stage->gate);
    return run_and_count(job);
}

static int run_and_fail(struct job *job)
{
    return err_set(&job->err, ERR_DEST, "it broke");
}

static int run_until_stopped(struct job *job)
{
    struct stage *stage = job->owner;

    sem_post(&stage->entered);
    while (!pool_stopping(stage->pool))
        sched_yield();
    return err_set(&job->err, ERR_INTERRUPTED, "stopped");
}

static int keep(struct job *job, struct err *err)
{
    struct stage *stage = job->owner;

    (void)err;
    stage->back = job;
    stage->back_on = pthread_self();
    return 0;
}

static struct job *next_finished(struct stage *stage)
{
    wait_for(&stage->woken);
    stage->back = NULL;
    assert_int_equal(pool_reap(stage->pool, NULL), 1);
    assert_non_null(stage->back);
    return stage->back;
}

static void test_all_come_back(void **state)
{
    enum { JOBS = 500 };
    static struct job jobs[JOBS];
    struct stage stage;

    (void)state;
    stage_open(&stage, 4);
    for (int i = 0; i < JOBS; i++) {
        jobs[i] =
            (struct job){ .run = run_and_count, .done = keep, .owner = &stage, .rc = 7 };
        pool_submit(stage.pool, &jobs[i], i % 3 ? POOL_ORDINARY : POOL_URGENT);
    }
    for (unsigned left = JOBS; left > 0; left--) {
        assert_int_equal(pool_unfinished(stage.pool), left);
        assert_int_equal(next_finished(&stage)->rc, 0);
    }
    assert_int_equal(pool_unfinished(stage.pool), 0);
    assert_int_equal(pool_reap(stage.pool, NULL), 0);
    assert_int_equal(stage.ran, JOBS);
    for (int i = 0; i < JOBS; i++) {
        assert_true(jobs[i].started > 0 && jobs[i].ended >= jobs[i].started);
        assert_in_range(jobs[i].thread, i % 3 ? 1 : 0, 3); /* ordinary: never thread 0 */
    }
    stage_close(&stage);
}

static void test_failure_comes_back(void **state)
{
    struct stage stage;
    struct job job = { .run = run_and_fail,
                       .done = keep,
                       .owner = &stage,
                       .err = { .code = ERR_USAGE, .text = "old" } };

    (void)state;
    stage_open(&stage, 2);
    pool_submit(stage.pool, &job, POOL_ORDINARY);
    assert_ptr_equal(next_finished(&stage), &job);
    assert_int_equal(job.rc, -1);
    assert_int_equal(job.err.code, ERR_DEST);
    assert_string_equal(job.err.text, "it broke");
    stage_close(&stage);
}

static int refuse(struct job *job, struct err *err)
{
    keep(job, err);
    return err_set(err, ERR_DEFECT, "no use for it");
}

/* On the thread that reaps, once each; an error of done is that of the reaping. */
static void test_done(void **state)
{
    struct stage stage;
    struct err err = { 0 };
    struct job good, bad, quiet;

    (void)state;
    stage_open(&stage, 2);
    good = (struct job){ .run = run_and_count, .done = keep, .owner = &stage };
    bad = (struct job){ .run = run_and_count, .done = refuse, .owner = &stage };
    quiet = (struct job){ .run = run_and_count, .owner = &stage };
    pool_submit(stage.pool, &good, POOL_ORDINARY);
    assert_ptr_equal(next_finished(&stage), &good);
    assert_true(pthread_equal(stage.back_on, pthread_self()));
    pool_submit(stage.pool, &bad, POOL_ORDINARY);
    wait_for(&stage.woken);
    assert_int_equal(pool_reap(stage.pool, &err), -1);
    assert_ptr_equal(stage.back, &bad);
    assert_string_equal(err.text, "no use for it");
    pool_submit(stage.pool, &quiet, POOL_ORDINARY);
    wait_for(&stage.woken);
    assert_int_equal(pool_reap(stage.pool, &err), 1);
    assert_ptr_equal(stage.back, &bad);
    assert_int_equal(pool_reap(stage.pool, &err), 0);
    stage_close(&stage);
}

/* However many ordinary jobs are at work, an urgent one gets through. threads 0 and 1 ask
 * for fewer than the pool needs to keep that promise. */
static void test_urgent_passes_a_busy_pool(void **state)
{
    (void)state;
    for (unsigned threads = 0; threads <= 3; threads++) {
        unsigned busy = threads < 2 ? 1 : threads - 1;
        struct job slow[4], urgent;
        struct stage stage;

        stage_open(&stage, threads);
        for (unsigned i = 0; i < countof(slow); i++) {
            slow[i] =
                (struct job){ .run = run_to_the_gate, .done = keep, .owner = &stage };
            pool_submit(stage.pool, &slow[i], POOL_ORDINARY);
        }
        for (unsigned i = 0; i < busy; i++)
            wait_for(&stage.entered);
        urgent = (struct job){ .run = run_and_count, .done = keep, .owner = &stage };
        pool_submit(stage.pool, &urgent, POOL_URGENT);
        assert_ptr_equal(next_finished(&stage), &urgent);
        assert_int_equal(urgent.thread, 0);
        for (unsigned i = 0; i < countof(slow); i++)
            sem_post(&stage.gate);
        for (unsigned i = 0; i < countof(slow); i++)
            assert_true(next_finished(&stage)->thread > 0);
        stage_close(&stage);
    }
}

/* Two urgent jobs that wait for each other need two threads: the second must not be left
 * to the one thread that serves only urgent ones, while others sleep. */
static int run_and_meet(struct job *job)
{
    struct stage *stage = job->owner;
    bool first = atomic_fetch_add(&stage->ran, 1) % 2 == 0;

    if (first)
        wait_for(&stage->gate);
    else
        sem_post(&stage->gate);
    return 0;
}

static void test_urgent_wakes_the_others(void **state)
{
    struct stage stage;
    struct job pair[2];

    (void)state;
    stage_open(&stage, 2);
    for (int round = 0; round < 200; round++) {
        for (unsigned i = 0; i < countof(pair); i++) {
            pair[i] = (struct job){ .run = run_and_meet, .done = keep, .owner = &stage };
            pool_submit(stage.pool, &pair[i], POOL_URGENT);
        }
        next_finished(&stage);
        next_finished(&stage);
        assert_int_not_equal(pair[0].thread, pair[1].thread);
    }
    stage_close(&stage);
}

/* With one thread for all that waits, what others wait for goes first, then urgent jobs,
 * each class in the order in which it came. */
static void test_order(void **state)
{
    static const enum pool_class classes[] = { POOL_ORDINARY, POOL_URGENT, POOL_ORDINARY,
                                               POOL_URGENT,   POOL_CHAIN,  POOL_CHAIN };
    static const unsigned order[] = { 4, 5, 1, 3, 0, 2 };
    struct job holds_first, holds_other, jobs[countof(classes)];
    struct stage stage;

    (void)state;
    stage_open(&stage, 2);
    holds_other = (struct job){ .run = run_to_the_gate, .done = keep, .owner = &stage };
    pool_submit(stage.pool, &holds_other, POOL_ORDINARY);
    wait_for(&stage.entered);
    holds_first = (struct job){ .run = run_until_stopped, .done = keep, .owner = &stage };
    pool_submit(stage.pool, &holds_first, POOL_URGENT);
    wait_for(&stage.entered);
    for (unsigned i = 0; i < countof(jobs); i++) {
        jobs[i] = (struct job){ .run = run_and_count, .done = keep, .owner = &stage };
        pool_submit(stage.pool, &jobs[i], classes[i]);
    }
    sem_post(&stage.gate);
    assert_ptr_equal(next_finished(&stage), &holds_other);
    for (unsigned i = 0; i < countof(order); i++)
        assert_ptr_equal(next_finished(&stage), &jobs[order[i]]);
    stage_close(&stage);
}

/* One thread is there for each class: what comes without end in one of them keeps nobody
 * of the others from running. */
static void test_each_class_has_a_thread(void **state)
{
    static const enum pool_class rows[] = { POOL_CHAIN, POOL_URGENT, POOL_ORDINARY };
    enum { ENDLESS = 50 };
    static struct job endless[ENDLESS];

    (void)state;
    for (size_t row = 0; row < countof(rows); row++)
        for (size_t other = 0; other < countof(rows); other++) {
            struct job holds[3], job;
            struct stage stage;

            if (other == row)
                continue;
            stage_open(&stage, 3);
            for (size_t i = 0; i < 3; i++) {
                holds[i] = (struct job){ .run = run_to_the_gate, .owner = &stage };
                pool_submit(stage.pool, &holds[i], POOL_URGENT);
            }
            for (size_t i = 0; i < 3; i++)
                wait_for(&stage.entered);
            for (size_t i = 0; i < ENDLESS; i++) {
                endless[i] = (struct job){ .run = run_until_stopped, .owner = &stage };
                pool_submit(stage.pool, &endless[i], rows[other]);
            }
            job = (struct job){ .run = run_to_the_gate, .owner = &stage };
            pool_submit(stage.pool, &job, rows[row]);
            for (size_t i = 0; i < 3; i++)
                sem_post(&stage.gate);
            while (atomic_load(&stage.ran) < 3)
                sched_yield();
            sem_post(&stage.gate);
            while (atomic_load(&stage.ran) < 4)
                sched_yield();
            stage_close(&stage);
        }
}

/* Reads, however long they wait, take no thread from others, ... */
static void test_reads_leave_the_others(void **state)
{
    static const enum pool_class others[] = { POOL_CHAIN, POOL_URGENT, POOL_ORDINARY };
    struct job read[4], job[countof(others)];
    struct stage stage;

    (void)state;
    stage_open_with(&stage, 2, 2);
    for (size_t i = 0; i < countof(read); i++) {
        read[i] = (struct job){ .run = run_to_the_gate, .done = keep, .owner = &stage };
        pool_submit(stage.pool, &read[i], POOL_SOURCE);
    }
    for (size_t i = 0; i < 2; i++)
        wait_for(&stage.entered);
    for (size_t i = 0; i < countof(others); i++) {
        job[i] = (struct job){ .run = run_and_count, .done = keep, .owner = &stage };
        pool_submit(stage.pool, &job[i], others[i]);
        assert_ptr_equal(next_finished(&stage), &job[i]);
    }
    for (size_t i = 0; i < countof(read); i++)
        sem_post(&stage.gate);
    for (size_t i = 0; i < countof(read); i++)
        assert_in_range(next_finished(&stage)->thread, 2, 3);
    stage_close(&stage);
}

/* ... and readers are there for reads, whatever else waits. */
static void test_readers_only_read(void **state)
{
    static const enum pool_class others[] = { POOL_CHAIN, POOL_URGENT, POOL_ORDINARY };
    struct job hold[2], read[4], job[countof(others)];
    struct stage stage;

    (void)state;
    stage_open_with(&stage, 2, 2);
    for (size_t i = 0; i < countof(hold); i++) {
        hold[i] = (struct job){ .run = run_to_the_gate, .owner = &stage };
        pool_submit(stage.pool, &hold[i], POOL_URGENT);
        wait_for(&stage.entered);
    }
    for (size_t i = 0; i < countof(others); i++) {
        job[i] = (struct job){ .run = run_and_count, .owner = &stage };
        pool_submit(stage.pool, &job[i], others[i]);
    }
    for (size_t i = 0; i < countof(read); i++) {
        read[i] = (struct job){ .run = run_and_count, .done = keep, .owner = &stage };
        pool_submit(stage.pool, &read[i], POOL_SOURCE);
        assert_ptr_equal(next_finished(&stage), &read[i]);
    }
    sem_post(&stage.gate);
    sem_post(&stage.gate);
    for (size_t i = 0; i < countof(hold) + countof(others); i++) {
        wait_for(&stage.woken);
        assert_int_equal(pool_reap(stage.pool, NULL), 1);
    }
    for (size_t i = 0; i < countof(others); i++)
        assert_in_range(job[i].thread, 0, 1);
    stage_close(&stage);
}

/* Not for ever while a job runs, and no longer than it runs. */
static void test_wait(void **state)
{
    struct stage stage;
    struct job job;

    (void)state;
    stage_open(&stage, 2);
    job = (struct job){ .run = run_to_the_gate, .done = keep, .owner = &stage };
    pool_submit(stage.pool, &job, POOL_ORDINARY);
    wait_for(&stage.entered);
    pool_wait(stage.pool, 0.001);
    assert_int_equal(pool_reap(stage.pool, NULL), 0);
    sem_post(&stage.gate);
    pool_wait(stage.pool, 1e6);
    assert_int_equal(pool_reap(stage.pool, NULL), 1);
    assert_ptr_equal(stage.back, &job);
    stage_close(&stage);
}

/* What runs is waited for, what waits is dropped, and done is nobody's to call. */
static int never(struct job *job, struct err *err)
{
    (void)job;
    (void)err;
    fail_msg("done was called");
    return -1;
}

static void test_drop(void **state)
{
    struct job jobs[3];
    struct stage stage;

    (void)state;
    stage_open(&stage, 2);
    for (unsigned i = 0; i < countof(jobs); i++) {
        jobs[i] = (struct job){ .run = run_and_count, .done = never, .owner = &stage };
        pool_submit(stage.pool, &jobs[i], POOL_ORDINARY);
    }
    for (unsigned i = 0; i < countof(jobs); i++)
        wait_for(&stage.woken);
    pool_drop(stage.pool);
    assert_int_equal(pool_unfinished(stage.pool), 0);
    assert_int_equal(pool_reap(stage.pool, NULL), 0);
    stage_close(&stage);
}

static void test_destroy_drops_what_waits(void **state)
{
    struct job runs, waits[20];
    struct stage stage;

    (void)state;
    stage_open(&stage, 2);
    runs = (struct job){ .run = run_until_stopped, .done = never, .owner = &stage };
    pool_submit(stage.pool, &runs, POOL_ORDINARY);
    wait_for(&stage.entered);
    for (unsigned i = 0; i < countof(waits); i++) {
        waits[i] = (struct job){ .run = run_and_count, .done = never, .owner = &stage };
        pool_submit(stage.pool, &waits[i], POOL_ORDINARY);
    }
    stage_close(&stage);
    assert_int_equal(runs.err.code, ERR_INTERRUPTED);
    assert_int_equal(stage.ran, 0);
    pool_destroy(NULL);
}

static void test_stop(void **state)
{
    struct job slow, later;
    struct stage stage;

    (void)state;
    stage_open(&stage, 2);
    assert_false(pool_stopping(stage.pool));
    slow = (struct job){ .run = run_until_stopped, .done = keep, .owner = &stage };
    later = (struct job){ .run = run_and_count, .done = keep, .owner = &stage };
    pool_submit(stage.pool, &slow, POOL_ORDINARY);
    pool_submit(stage.pool, &later, POOL_ORDINARY);
    pool_stop(stage.pool);
    assert_true(pool_stopping(stage.pool));
    assert_ptr_equal(next_finished(&stage), &slow);
    assert_ptr_equal(next_finished(&stage), &later);
    assert_int_equal(stage.ran, 1);
    stage_close(&stage);
}

static int run_and_look_at_the_mask(struct job *job)
{
    sigset_t mask;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    return sigismember(&mask, SIGTERM) && sigismember(&mask, SIGINT) &&
                   sigismember(&mask, SIGUSR1) && !sigismember(&mask, SIGSEGV)
               ? 0
               : err_set(&job->err, ERR_DEFECT, "signals reach the thread");
}

static void test_signals(void **state)
{
    struct stage stage;
    struct job job = { .run = run_and_look_at_the_mask, .done = keep, .owner = &stage };
    sigset_t mask;

    (void)state;
    stage_open(&stage, 2);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_false(
        sigismember(&mask, SIGTERM)); /* those of the main thread are as before */
    pool_submit(stage.pool, &job, POOL_URGENT);
    assert_int_equal(next_finished(&stage)->rc, 0);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_come_back),
        cmocka_unit_test(test_failure_comes_back),
        cmocka_unit_test(test_done),
        cmocka_unit_test(test_urgent_passes_a_busy_pool),
        cmocka_unit_test(test_urgent_wakes_the_others),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_each_class_has_a_thread),
        cmocka_unit_test(test_reads_leave_the_others),
        cmocka_unit_test(test_readers_only_read),
        cmocka_unit_test(test_wait),
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_destroy_drops_what_waits),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_signals),
    };

    alarm(400); /* a job that nobody takes shall be a failure, not a test without end */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
