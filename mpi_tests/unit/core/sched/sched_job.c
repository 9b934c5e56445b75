#include "sched_job.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

struct job job;

static void begin_as(int nranks, const uint64_t *sizes, size_t n, uint32_t together,
                     uint32_t slots)
{
    const struct sched_policy policy = {
        .slots = slots, .stall = stall, .small = MIB / 2, .batch_bytes = MIB
    };

    job = (struct job){ .file = calloc(n + 1, sizeof(*job.file)) };
    assert_non_null(job.file);
    for (size_t i = 0; i < n; i++)
        job.file[i].size = sizes[i];
    job.plan = (struct plan){ .files = job.file, .nfiles = n };
    assert_int_equal(
        segments_cut_finely(&job.segments, &job.plan, MIB, MIB, together, NULL), 0);
    assert_int_equal(sched_create(&job.sched, &job.segments, nranks, &policy, NULL), 0);
}

void begin(int nranks, const uint64_t *sizes, size_t n)
{
    begin_as(nranks, sizes, n, 1, 1);
}

void begin_one_file(int nranks, unsigned nsegments)
{
    begin_together(nranks, nsegments, 1, 1);
}

void begin_together(int nranks, unsigned nsegments, uint32_t together, uint32_t slots)
{
    const uint64_t size = (uint64_t)nsegments * MIB;

    begin_as(nranks, &size, 1, together, slots);
}

int end(void **state)
{
    (void)state;
    sched_destroy(job.sched);
    segments_release(&job.segments);
    free(job.file);
    return 0;
}

bool next(double now)
{
    bool more = sched_next(job.sched, now, &job.action);

    assert_int_equal(sched_pending(job.sched) + sched_leased(job.sched) +
                         sched_stored(job.sched),
                     job.segments.count);
    return more;
}

void expect(double now, enum sched_kind kind, int rank, uint32_t segment)
{
    assert_true(next(now));
    assert_int_equal(job.action.kind, kind);
    assert_int_equal(job.action.rank, rank);
    assert_int_equal(job.action.count, 1);
    assert_int_equal(job.action.segment[0], segment);
}

void expect_none(double now)
{
    assert_false(next(now));
}

void expect_none_until(double from, double until)
{
    for (double now = from; now < until; now += 0.01)
        expect_none(now);
    expect_none(nextafter(until, from));
}

void credit(int rank, uint32_t units)
{
    sched_credit(job.sched, rank, units);
}

void expect_grant(double now, int rank, uint32_t segment, uint32_t together)
{
    expect(now, SCHED_GRANT, rank, segment);
    assert_int_equal(job.action.together, together);
}

void expect_cut(double now, int rank, uint32_t segment, uint32_t keep)
{
    expect(now, SCHED_CUT, rank, segment);
    assert_int_equal(job.action.together, keep);
}

void expect_done(double now, int rank, uint32_t segment, uint32_t count)
{
    assert_true(sched_done(job.sched, rank, segment, count, now));
}
