/* io/pool.h -- a few threads of this rank that write, hash and copy, so that the main
 * thread (which owns MPI and the sockets) never waits for a disk.
 *
 * Life cycle   pool_create; pool_submit; pool_reap until 0, on the main thread;
 *              pool_destroy (waits for running jobs, drops waiting ones).
 * Ownership    a job belongs to its submitter, who keeps it alive and untouched from
 *              pool_submit until its done is called, pool_drop has taken it back or
 *              pool_destroy returns.
 * Signals      are delivered to other threads, never to these. */
#ifndef IO_POOL_H
#define IO_POOL_H

#include <stdbool.h>

#include "base/err.h"

enum pool_class {
    POOL_CHAIN,    /* other ranks wait for it: taken first, but for two threads */
    POOL_URGENT,   /* a socket waits for it: the first thread does nothing else */
    POOL_ORDINARY, /* where there are three threads, taken first by the second */
    POOL_SOURCE,   /* waits for storage that others share: threads of its own */
    POOL_CLASSES
};

struct job {
    struct job *next;            /* the pool's own */
    int (*run)(struct job *job); /* on a pool thread; no MPI, no curl; -1 and job->err */
    /* On the main thread, once the job has ended: it may free the job. -1 and *err: this
     * rank cannot continue. NULL: the submitter checks rc and err itself. */
    int (*done)(struct job *job, struct err *err);
    void *owner;
    double started, ended; /* clock_now, filled by the pool */
    int thread;            /* which thread ran it, from 0 */
    int rc;                /* what run returned */
    struct err err;        /* cleared by pool_submit */
};

struct pool;

/* At least two threads are made, and so many readers, which take POOL_SOURCE and nothing
 * else. wake is called from pool threads whenever a job has ended, before pool_destroy
 * returns at the latest; it must not call the pool. */
int pool_create(struct pool **out, unsigned threads, unsigned readers,
                void (*wake)(void *arg), void *arg, struct err *err);

/* Jobs of a class begin in the order in which they were submitted. POOL_SOURCE: only where
 * there are readers. */
void pool_submit(struct pool *pool, struct job *job, enum pool_class class);

/* Take back the job that ended first: its done is called. 1; 0 if none has ended; -1 with
 * the error of done. */
int pool_reap(struct pool *pool, struct err *err);
/* Take back all that have ended, and call no done. */
void pool_drop(struct pool *pool);

/* Wait for a job to take back, at most so long. */
void pool_wait(struct pool *pool, double seconds);
unsigned pool_unfinished(const struct pool *pool); /* submitted and not taken back */

/* Long jobs check this and end early with ERR_INTERRUPTED. Waiting jobs
 * are still begun. */
bool pool_stopping(const struct pool *pool);
void pool_stop(struct pool *pool); /* from any thread, also from a signal handler */

/* Includes pool_stop. done is not called. Takes NULL. */
void pool_destroy(struct pool *pool);

#endif
