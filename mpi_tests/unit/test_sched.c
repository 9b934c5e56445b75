#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/sched.h"

enum { MIB = 1 << 20 };

static const double stall = 10;

/* Files of given sizes in segments of 1 MiB; what is below a MiB is small. */
struct job {
    struct plan_file *file;
    struct plan plan;
    struct segments segments;
    struct sched *sched;
    struct sched_action action;
};

static struct job job;

static void begin(int nranks, const uint64_t *sizes, size_t n)
{
    const struct sched_policy policy = { .stall = stall,
                                         .small = MIB / 2,
                                         .batch_bytes = MIB };

    job = (struct job){ .file = calloc(n + 1, sizeof(*job.file)) };
    assert_non_null(job.file);
    for (size_t i = 0; i < n; i++)
        job.file[i].size = sizes[i];
    job.plan = (struct plan){ .files = job.file, .nfiles = n };
    assert_int_equal(segments_cut(&job.segments, &job.plan, MIB, NULL), 0);
    assert_int_equal(sched_create(&job.sched, &job.segments, nranks, &policy, NULL), 0);
}

static void begin_one_file(int nranks, unsigned nsegments)
{
    const uint64_t size = (uint64_t)nsegments * MIB;

    begin(nranks, &size, 1);
}

static int teardown(void **state)
{
    (void)state;
    sched_destroy(job.sched);
    segments_release(&job.segments);
    free(job.file);
    return 0;
}

static bool next(double now)
{
    bool more = sched_next(job.sched, now, &job.action);

    assert_int_equal(sched_pending(job.sched) + sched_leased(job.sched) +
                         sched_stored(job.sched),
                     job.segments.count);
    assert_true(more || sched_due(job.sched) > now);
    return more;
}

static void expect(double now, enum sched_kind kind, int rank, uint32_t segment)
{
    assert_true(next(now));
    assert_int_equal(job.action.kind, kind);
    assert_int_equal(job.action.rank, rank);
    assert_int_equal(job.action.count, 1);
    assert_int_equal(job.action.segment[0], segment);
}

static void expect_none(double now)
{
    assert_false(next(now));
}

static void expect_due(double due)
{
    assert_true(sched_due(job.sched) >= due && sched_due(job.sched) <= due);
}

static void credit(int rank, uint32_t units)
{
    sched_credit(job.sched, rank, units);
}

static void expect_verdict(double now, int rank, uint32_t segment,
                           enum sched_verdict verdict)
{
    assert_int_equal(sched_done(job.sched, rank, segment, now), verdict);
}

static void test_nothing_to_fetch(void **state)
{
    (void)state;
    begin(3, NULL, 0);
    credit(0, 1);
    expect_none(0);
    expect_due(INFINITY);
    assert_true(sched_finished(job.sched));
    sched_destroy(NULL);
}

static void test_a_rank_alone_goes_in_order(void **state)
{
    (void)state;
    begin_one_file(1, 40);
    expect_none(0); /* no credit */
    for (uint32_t i = 0; i < 40; i++) {
        credit(0, 1);
        expect(i, SCHED_GRANT, 0, i);
        expect_none(i);
        assert_int_equal(sched_held(job.sched, 0), 1);
        expect_verdict(i, 0, i, SCHED_STORED);
        assert_false(i < 39 && sched_finished(job.sched));
    }
    assert_true(sched_finished(job.sched));
    assert_int_equal(sched_held(job.sched, 0), 0);
    expect_verdict(50, 0, 7, SCHED_LATE); /* it has had its last word */
    assert_int_equal(sched_stored(job.sched), 40);
}

static void test_ranks_take_turns(void **state)
{
    (void)state;
    begin_one_file(3, 6);
    credit(2, 2);
    credit(0, 2);
    credit(1, 2);
    for (int i = 0; i < 6; i++) {
        static const int turns[] = { 2, 0, 1 };

        assert_true(next(0));
        assert_int_equal(job.action.rank, turns[i % 3]);
    }
    expect_none(0);
    assert_int_equal(sched_leased(job.sched), 6);
}

static void test_largest_first_and_side_by_side(void **state)
{
    const uint64_t sizes[] = { 2 * MIB, 100, 5 * MIB, 3 * MIB };
    /* segments: 0 1 | 2 | 3 4 5 6 7 | 8 9 10 */

    (void)state;
    begin(2, sizes, 4);
    credit(0, 9);
    credit(1, 9);
    expect(0, SCHED_GRANT, 0, 3);
    expect(0, SCHED_GRANT, 1, 8);
    expect(0, SCHED_GRANT, 0, 4); /* each stays in its file */
    expect(0, SCHED_GRANT, 1, 9);
    expect(0, SCHED_GRANT, 0, 5);
    expect(0, SCHED_GRANT, 1, 10);
    expect(0, SCHED_GRANT, 0, 6);
    expect(0, SCHED_GRANT, 1, 0); /* the next in size */
    expect(0, SCHED_GRANT, 0, 7);
    expect(0, SCHED_GRANT, 1, 1);
    expect(0, SCHED_GRANT, 0, 2); /* small ones last */
    expect_none(0);
}

static void test_ranks_in_one_file_keep_neighbours(void **state)
{
    int owner[400];
    unsigned neighbours = 0;

    (void)state;
    begin_one_file(4, 400);
    for (int rank = 0; rank < 4; rank++)
        credit(rank, 100);
    for (int i = 0; i < 400; i++) {
        assert_true(next(0));
        owner[job.action.segment[0]] = job.action.rank;
    }
    for (int i = 1; i < 400; i++)
        neighbours += owner[i] == owner[i - 1];
    /* Without care for neighbours it would be none: ranks ask in turn. */
    assert_in_range(neighbours, 200, 399);
}

static void test_small_files_in_batches(void **state)
{
    uint64_t sizes[1000];
    unsigned got[1000] = { 0 };
    uint32_t last = SCHED_BATCH, n = 0;

    (void)state;
    for (int i = 0; i < 1000; i++)
        sizes[i] = i < 500 ? 1000 : 300000;
    begin(2, sizes, 1000);
    while (n < 1000) {
        uint64_t bytes = 0;

        credit(0, 1);
        credit(1, 1);
        assert_true(next(0));
        assert_int_equal(job.action.kind, SCHED_GRANT);
        assert_in_range(job.action.count, 1, last);
        for (uint32_t i = 0; i < job.action.count; i++) {
            bytes += segment_bytes(&job.segments, job.action.segment[i]);
            got[job.action.segment[i]]++;
        }
        assert_in_range(bytes, 1, MIB);
        last = job.action.count;
        n += job.action.count;
    }
    assert_int_equal(last, 1);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(got[i], 1);
}

static void test_batches_shrink(void **state)
{
    uint64_t sizes[100];

    (void)state;
    for (int i = 0; i < 100; i++)
        sizes[i] = 10;
    begin(4, sizes, 100);
    for (int rank = 0; rank < 4; rank++)
        credit(rank, 100);
    for (uint32_t left = 100; left > 0; left -= job.action.count) {
        assert_true(next(0));
        assert_in_range(job.action.count, 1, left / 8 > 0 ? left / 8 : 1);
    }
    expect_none(0);
}

static void test_failed_waits_and_moves(void **state)
{
    (void)state;
    begin_one_file(2, 1);
    credit(0, 2);
    expect(0, SCHED_GRANT, 0, 0);
    sched_failed(job.sched, 0, 0, 5);
    assert_int_equal(sched_pending(job.sched), 1);
    expect_none(1);
    expect_due(5);
    credit(1, 1);
    expect_none(4.9);
    expect_due(5);
    expect(5, SCHED_GRANT, 1, 0); /* although rank 0 waits longer */
    sched_failed(job.sched, 1, 0, 6);
    expect(6, SCHED_GRANT, 0, 0);
    sched_failed(job.sched, 0, 0, 7);
    credit(0, 1);
    expect(7, SCHED_GRANT, 0, 0); /* nobody else can */
}

static void test_failed_goes_first(void **state)
{
    (void)state;
    begin_one_file(1, 9);
    credit(0, 3);
    expect(0, SCHED_GRANT, 0, 0);
    expect(0, SCHED_GRANT, 0, 1);
    sched_failed(job.sched, 0, 0, 1);
    expect(1, SCHED_GRANT, 0, 0);
}

static void test_hold(void **state)
{
    (void)state;
    begin_one_file(2, 3);
    credit(0, 3);
    expect(0, SCHED_GRANT, 0, 0);
    sched_hold(job.sched, 4);
    expect_none(1);
    expect_due(4);
    expect(4, SCHED_GRANT, 0, 1);
}

static void test_have(void **state)
{
    (void)state;
    begin_one_file(1, 4);
    sched_have(job.sched, 0);
    sched_have(job.sched, 2);
    sched_have(job.sched, 2);
    assert_int_equal(sched_stored(job.sched), 2);
    credit(0, 4);
    expect(0, SCHED_GRANT, 0, 1);
    expect(0, SCHED_GRANT, 0, 3);
    sched_have(job.sched, 3); /* leased: no */
    expect_none(0);
    sched_failed(job.sched, 0, 1, 9);
    sched_have(job.sched, 1);
    expect_none(20);
    expect_verdict(21, 0, 3, SCHED_STORED);
    assert_true(sched_finished(job.sched));
}

/* One segment at rank 0, which has begun at time 0, and rank 1 with nothing to do. */
static void begin_stall(unsigned nranks)
{
    begin_one_file((int)nranks, 1);
    credit(0, 1);
    expect(0, SCHED_GRANT, 0, 0);
    sched_progress(job.sched, 0, 0, 0, 0);
    credit(1, 1);
}

static void begin_duplicate(void)
{
    begin_stall(3);
    expect_none(0);
    expect(stall, SCHED_DUPLICATE, 1, 0);
    expect_none(stall);
    sched_progress(job.sched, 1, 0, 0, 11);
}

static void test_stall(void **state)
{
    (void)state;
    begin_stall(2);
    sched_progress(job.sched, 0, 0, 10, 3);
    sched_progress(job.sched, 0, 0, 10, 7); /* no bytes: no progress */
    for (double now = 7; now < 3 + stall; now = sched_due(job.sched))
        expect_none(now);
    expect_due(3 + stall);
    expect(3 + stall, SCHED_DUPLICATE, 1, 0);
    assert_int_equal(sched_leased(job.sched), 1);
    assert_int_equal(sched_held(job.sched, 1), 1);
    credit(0, 5);
    credit(1, 5);
    for (double now = 14; now < 99; now++) /* one duplicate is enough */
        expect_none(now);
}

static void test_stall_in_the_middle_of_a_run(void **state)
{
    (void)state;
    begin_one_file(2, 9);
    credit(0, 1);
    expect(0, SCHED_GRANT, 0, 0);
    sched_progress(job.sched, 0, 0, 0, 0);
    expect_none(stall);
    credit(0, 1);
    expect(stall, SCHED_GRANT, 0, 1); /* not to its own rank */
    credit(1, 2);
    expect(stall, SCHED_DUPLICATE, 1, 0);
    expect(stall, SCHED_GRANT, 1, 2);
}

static void test_first_wins(void **state)
{
    (void)state;
    begin_duplicate();
    expect_verdict(12, 0, 0, SCHED_STORED);
    assert_true(sched_finished(job.sched));
    expect(12, SCHED_CANCEL, 1, 0);
    expect_none(12);
    expect_verdict(12, 1, 0, SCHED_LATE); /* crossed the cancel */
    assert_int_equal(sched_held(job.sched, 1), 1);
    sched_cancelled(job.sched, 1, 0);
    assert_int_equal(sched_held(job.sched, 1), 0);
    assert_int_equal(sched_stored(job.sched), 1);
}

static void test_duplicate_wins(void **state)
{
    (void)state;
    begin_duplicate();
    expect_verdict(12, 1, 0, SCHED_WAIT);
    expect(12, SCHED_CANCEL, 0, 0);
    expect_none(12); /* the first may still write */
    sched_cancelled(job.sched, 0, 0);
    expect(13, SCHED_ADOPT, 1, 0);
    expect_none(13);
    assert_int_equal(sched_leased(job.sched), 1);
    expect_verdict(14, 1, 0, SCHED_STORED);
    assert_true(sched_finished(job.sched));
    expect_none(15);
}

static void test_first_is_done_after_all(void **state)
{
    (void)state;
    begin_duplicate();
    expect_verdict(12, 1, 0, SCHED_WAIT);
    expect(12, SCHED_CANCEL, 0, 0);
    expect_verdict(13, 0, 0, SCHED_STORED);
    expect(13, SCHED_CANCEL, 1, 0);
    sched_cancelled(job.sched, 1, 0);
    expect_none(14);
    assert_true(sched_finished(job.sched));
}

static void first_fails(void)
{
    sched_failed(job.sched, 0, 0, 90);
}

static void first_stops(void)
{
    sched_cancelled(job.sched, 0, 0);
}

static void first_retires(void)
{
    sched_retire(job.sched, 0);
}

/* However the first ends without success, before it is told to stop or after, a copy that
 * has landed is adopted, at once. */
static void test_copy_steps_in(void **state)
{
    void (*const ends[])(void) = { first_fails, first_stops, first_retires };

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        for (int told = 0; told < 2; told++) {
            begin_duplicate();
            expect_verdict(12, 1, 0, SCHED_WAIT);
            if (told)
                expect(12, SCHED_CANCEL, 0, 0);
            ends[i]();
            expect(12, SCHED_ADOPT, 1, 0);
            expect_verdict(13, 0, 0, SCHED_LATE);
            expect_verdict(13, 1, 0, SCHED_STORED);
            expect_none(13);
            teardown(state);
        }
    begin_one_file(1, 1);
}

/* The copy still runs: it is the only hope, and lands without a word to the first. */
static void test_copy_goes_on_alone(void **state)
{
    void (*const ends[])(void) = { first_fails, first_stops, first_retires };

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        begin_duplicate();
        ends[i]();
        assert_int_equal(sched_leased(job.sched), 1);
        expect_none(12);
        expect_verdict(13, 1, 0, SCHED_WAIT);
        expect(13, SCHED_ADOPT, 1, 0);
        expect_verdict(13, 1, 0, SCHED_STORED);
        teardown(state);
    }
    begin_one_file(1, 1);
}

static void test_copy_alone_stalls(void **state)
{
    (void)state;
    begin_duplicate();
    first_fails();
    credit(2, 1);
    sched_progress(job.sched, 1, 0, 5, 90);
    expect_none(90);
    expect(90 + stall, SCHED_GRANT, 2, 0); /* nobody writes in the place */
    expect_verdict(101, 1, 0, SCHED_WAIT);
    expect(101, SCHED_CANCEL, 2, 0);
    sched_cancelled(job.sched, 2, 0);
    expect(102, SCHED_ADOPT, 1, 0);
}

static void test_adoption_fails(void **state)
{
    (void)state;
    begin_duplicate();
    expect_verdict(12, 1, 0, SCHED_WAIT);
    first_fails();
    expect(12, SCHED_ADOPT, 1, 0);
    sched_failed(job.sched, 1, 0, 13);
    assert_int_equal(sched_pending(job.sched), 1);
    credit(0, 1);
    expect(13, SCHED_GRANT, 0, 0);
}

static void test_duplicate_fails(void **state)
{
    (void)state;
    begin_duplicate();
    sched_progress(job.sched, 0, 0, 1, 12);
    sched_failed(job.sched, 1, 0, 80);
    assert_int_equal(sched_leased(job.sched), 1);
    credit(1, 1);
    expect_none(12 + stall); /* not before its time, however long the first is silent */
    expect(80, SCHED_DUPLICATE, 1, 0);
    sched_retire(job.sched, 1);
    expect_verdict(81, 1, 0, SCHED_LATE);
    assert_int_equal(sched_held(job.sched, 1), 0);
    expect_verdict(82, 0, 0, SCHED_STORED);
    expect_none(82);
}

static void test_landed_copy_lost(void **state)
{
    (void)state;
    begin_duplicate();
    expect_verdict(12, 1, 0, SCHED_WAIT);
    expect(12, SCHED_CANCEL, 0, 0);
    sched_retire(job.sched, 1);
    sched_cancelled(job.sched, 0, 0);
    assert_int_equal(sched_pending(job.sched), 1);
    credit(2, 1);
    expect(13, SCHED_GRANT, 2, 0);
}

static void test_not_begun_is_taken_back(void **state)
{
    (void)state;
    begin_one_file(2, 2);
    credit(0, 2);
    expect(0, SCHED_GRANT, 0, 0);
    expect(0, SCHED_GRANT, 0, 1);
    credit(1, 1);
    expect_none(1); /* the grants may still be on their way */
    sched_progress(job.sched, 0, 0, 0, 2);
    expect(2, SCHED_CANCEL, 0, 1);
    expect_none(3);
    sched_cancelled(job.sched, 0, 1);
    expect(4, SCHED_GRANT, 1, 1);
    sched_progress(job.sched, 1, 1, 0, 4);
    expect_none(5);
}

static void test_taken_back_too_late(void **state)
{
    (void)state;
    begin_one_file(2, 2);
    credit(0, 2);
    expect(0, SCHED_GRANT, 0, 0);
    expect(0, SCHED_GRANT, 0, 1);
    sched_progress(job.sched, 0, 0, 0, 0);
    credit(1, 1);
    expect(2, SCHED_CANCEL, 0, 1);
    sched_progress(job.sched, 0, 1, 0, 2);
    expect_verdict(3, 0, 1, SCHED_STORED);
    expect_none(3);
    expect_verdict(4, 0, 0, SCHED_STORED);
    expect_none(4);
}

static void test_silent_after_taking_back(void **state)
{
    (void)state;
    begin_one_file(2, 1);
    credit(0, 1);
    expect(0, SCHED_GRANT, 0, 0);
    credit(1, 1);
    expect_none(0);
    expect(stall, SCHED_CANCEL, 0, 0);
    expect_none(stall);
    expect(2 * stall, SCHED_DUPLICATE, 1, 0);
    expect_verdict(21, 1, 0, SCHED_WAIT);
    expect_none(21); /* told already */
    sched_cancelled(job.sched, 0, 0);
    expect(22, SCHED_ADOPT, 1, 0);
}

/* Rank 0 has shown that a segment takes a second. Rank 1 needs seven, and nine. */
static void test_late_is_duplicated(void **state)
{
    (void)state;
    begin_one_file(2, 3);
    credit(1, 2);
    credit(0, 1);
    expect(0, SCHED_GRANT, 1, 0);
    expect(0, SCHED_GRANT, 0, 1);
    expect(0, SCHED_GRANT, 1, 2);
    sched_progress(job.sched, 1, 0, 0, 0);
    sched_progress(job.sched, 0, 1, 0, 0);
    sched_progress(job.sched, 1, 2, 0, 0);
    expect_verdict(1, 0, 1, SCHED_STORED);
    sched_progress(job.sched, 1, 0, MIB / 7u, 1);
    sched_progress(job.sched, 1, 2, MIB / 9u, 1);
    credit(0, 2);
    expect(1, SCHED_DUPLICATE, 0, 2);
    expect_none(1); /* one at a time is what rank 0 has shown to run */
    sched_progress(job.sched, 0, 2, 0, 1);
    expect_verdict(2, 0, 2, SCHED_WAIT);
    expect(2, SCHED_CANCEL, 1, 2);
    expect(2, SCHED_DUPLICATE, 0, 0);
}

static void test_equals_are_left_alone(void **state)
{
    (void)state;
    begin_one_file(2, 3);
    credit(0, 1);
    credit(1, 1);
    expect(0, SCHED_GRANT, 0, 0);
    expect(0, SCHED_GRANT, 1, 1);
    sched_progress(job.sched, 0, 0, 0, 0);
    sched_progress(job.sched, 1, 1, 0, 0);
    expect_verdict(4, 0, 0, SCHED_STORED);
    credit(0, 1);
    expect(4, SCHED_GRANT, 0, 2);
    sched_progress(job.sched, 0, 2, 0, 4);
    expect_verdict(4, 1, 1, SCHED_STORED);
    credit(1, 1);
    sched_progress(job.sched, 0, 2, MIB / 4, 5);
    expect_none(5); /* rank 1 would need four seconds, rank 0 needs three */
}

static void test_retired(void **state)
{
    (void)state;
    begin_one_file(2, 4);
    credit(0, 3);
    expect(0, SCHED_GRANT, 0, 0);
    expect(0, SCHED_GRANT, 0, 1);
    expect_verdict(1, 0, 0, SCHED_STORED);
    sched_retire(job.sched, 0);
    assert_int_equal(sched_pending(job.sched), 3);
    assert_int_equal(sched_stored(job.sched), 1);
    assert_int_equal(sched_held(job.sched, 0), 0);
    credit(0, 5);
    expect_none(1);
    expect_verdict(2, 0, 1, SCHED_LATE);
    sched_failed(job.sched, 0, 1, 99);
    sched_cancelled(job.sched, 0, 1);
    sched_progress(job.sched, 0, 1, 5, 2);
    credit(1, 9);
    expect(2, SCHED_GRANT, 1, 1);
    expect(2, SCHED_GRANT, 1, 2);
    expect(2, SCHED_GRANT, 1, 3);
    expect_none(2);
}

static void test_restart(void **state)
{
    (void)state;
    begin_one_file(2, 1);
    credit(0, 3);
    expect(0, SCHED_GRANT, 0, 0);
    sched_restart(job.sched, 0, 0); /* not stored: nothing happens */
    expect_none(0);
    expect_verdict(1, 0, 0, SCHED_STORED);
    sched_restart(job.sched, 0, 0);
    assert_false(sched_finished(job.sched));
    credit(1, 1);
    expect(1, SCHED_GRANT, 1, 0);
    expect_verdict(2, 1, 0, SCHED_STORED);
    sched_restart(job.sched, 0, 1);
    expect(3, SCHED_GRANT, 0, 0);
}

/* A last word that is still to come must not be taken for that on the next grant. */
static void test_restart_waits_for_the_late_copy(void **state)
{
    (void)state;
    begin_duplicate();
    expect_verdict(12, 0, 0, SCHED_STORED);
    expect(12, SCHED_CANCEL, 1, 0);
    sched_restart(job.sched, 0, 0);
    assert_int_equal(sched_pending(job.sched), 1);
    credit(0, 1);
    credit(1, 1);
    expect_none(12);
    expect_verdict(13, 1, 0, SCHED_LATE);
    expect_none(13);
    sched_cancelled(job.sched, 1, 0);
    expect(14, SCHED_GRANT, 1, 0); /* not by rank 0, which waits longer */
}

static void test_strangers_change_nothing(void **state)
{
    (void)state;
    begin_one_file(2, 2);
    expect_verdict(0, 1, 0, SCHED_LATE);
    sched_failed(job.sched, 1, 1, 5);
    sched_cancelled(job.sched, 1, 1);
    sched_progress(job.sched, 1, 1, 5, 0);
    assert_int_equal(sched_pending(job.sched), 2);
    credit(0, 2);
    expect(0, SCHED_GRANT, 0, 0);
    expect_verdict(0, 1, 0, SCHED_LATE);
    assert_int_equal(sched_leased(job.sched), 1);
    expect(0, SCHED_GRANT, 0, 1);
}

/* Far more stalled leases than ranks: no more duplicates at a time than there are ranks.
 */
static void test_duplicates_are_few(void **state)
{
    unsigned copies = 0;

    (void)state;
    begin_one_file(3, 50);
    credit(0, 50);
    for (uint32_t i = 0; i < 50; i++)
        expect(0, SCHED_GRANT, 0, i);
    for (uint32_t i = 0; i < 50; i++)
        sched_progress(job.sched, 0, i, 0, 0);
    credit(1, 50);
    credit(2, 50);
    for (double now = stall; next(now); copies++)
        assert_int_equal(job.action.kind, SCHED_DUPLICATE);
    assert_int_equal(copies, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_nothing_to_fetch, teardown),
        cmocka_unit_test_teardown(test_a_rank_alone_goes_in_order, teardown),
        cmocka_unit_test_teardown(test_ranks_take_turns, teardown),
        cmocka_unit_test_teardown(test_largest_first_and_side_by_side, teardown),
        cmocka_unit_test_teardown(test_ranks_in_one_file_keep_neighbours, teardown),
        cmocka_unit_test_teardown(test_small_files_in_batches, teardown),
        cmocka_unit_test_teardown(test_batches_shrink, teardown),
        cmocka_unit_test_teardown(test_failed_waits_and_moves, teardown),
        cmocka_unit_test_teardown(test_failed_goes_first, teardown),
        cmocka_unit_test_teardown(test_hold, teardown),
        cmocka_unit_test_teardown(test_have, teardown),
        cmocka_unit_test_teardown(test_stall, teardown),
        cmocka_unit_test_teardown(test_stall_in_the_middle_of_a_run, teardown),
        cmocka_unit_test_teardown(test_first_wins, teardown),
        cmocka_unit_test_teardown(test_duplicate_wins, teardown),
        cmocka_unit_test_teardown(test_first_is_done_after_all, teardown),
        cmocka_unit_test_teardown(test_copy_steps_in, teardown),
        cmocka_unit_test_teardown(test_copy_goes_on_alone, teardown),
        cmocka_unit_test_teardown(test_copy_alone_stalls, teardown),
        cmocka_unit_test_teardown(test_adoption_fails, teardown),
        cmocka_unit_test_teardown(test_duplicate_fails, teardown),
        cmocka_unit_test_teardown(test_landed_copy_lost, teardown),
        cmocka_unit_test_teardown(test_not_begun_is_taken_back, teardown),
        cmocka_unit_test_teardown(test_taken_back_too_late, teardown),
        cmocka_unit_test_teardown(test_silent_after_taking_back, teardown),
        cmocka_unit_test_teardown(test_late_is_duplicated, teardown),
        cmocka_unit_test_teardown(test_equals_are_left_alone, teardown),
        cmocka_unit_test_teardown(test_retired, teardown),
        cmocka_unit_test_teardown(test_restart, teardown),
        cmocka_unit_test_teardown(test_restart_waits_for_the_late_copy, teardown),
        cmocka_unit_test_teardown(test_strangers_change_nothing, teardown),
        cmocka_unit_test_teardown(test_duplicates_are_few, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
