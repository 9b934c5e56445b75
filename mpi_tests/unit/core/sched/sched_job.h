/* sched_job.h -- a small job for the tests of the scheduler, and what they say about it.
 *
 * Files of given sizes in segments of 1 MiB, which are granted one by one; what is below
 * half of that is small. */
#ifndef SCHED_JOB_H
#define SCHED_JOB_H

#include "core/sched/sched.h"

enum { MIB = 1 << 20 };

static const double stall = 10; /* seconds */

struct job {
    struct plan_file *file;
    struct plan plan;
    struct segments segments;
    struct sched *sched;
    struct sched_action action; /* the last one */
};

extern struct job job;

void begin(int nranks, const uint64_t *sizes, size_t n);
void begin_one_file(int nranks, unsigned nsegments);
/* Up to so many of them are granted together, if so many transfers share them. */
void begin_together(int nranks, unsigned nsegments, uint32_t together, uint32_t slots);
int end(void **state); /* a teardown of cmocka */

void credit(int rank, uint32_t units);

/* sched_next, and what must hold after it. */
bool next(double now);

void expect(double now, enum sched_kind kind, int rank, uint32_t segment);
void expect_none(double now);
void expect_none_until(double from, double until); /* asked each hundredth of a second */
void expect_grant(double now, int rank, uint32_t segment, uint32_t together);
void expect_cut(double now, int rank, uint32_t segment, uint32_t keep);
void expect_done(double now, int rank, uint32_t segment, uint32_t count);

#endif
