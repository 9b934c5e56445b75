#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sched_job.h"

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
    expect_none_until(7, 3 + stall);
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

/* Its failure is late too: there is nothing to fetch again. */
static void test_failure_of_a_copy_that_lost(void **state)
{
    (void)state;
    begin_duplicate();
    assert_false(sched_has(job.sched, 0));
    expect_verdict(12, 0, 0, SCHED_STORED);
    assert_true(sched_has(job.sched, 0));
    assert_false(sched_alone(job.sched, 1, 0));
    sched_failed(job.sched, 1, 0, 90);
    assert_true(sched_finished(job.sched));
    expect_none(99);
}

static void test_duplicate_wins(void **state)
{
    (void)state;
    begin_duplicate();
    expect_verdict(12, 1, 0, SCHED_WAIT);
    expect(12, SCHED_CANCEL, 0, 0);
    expect_none(12); /* the first may still write */
    expect_verdict(12, 1, 0, SCHED_WAIT);
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

/* However the first ends without success, before it is told to stop or after, a copy that
 * has landed is adopted, at once. */
static void test_copy_steps_in(void **state)
{
    void (*const ends[])(void) = { first_fails, first_stops };

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
            end(state);
        }
    begin_one_file(1, 1);
}

/* The copy still runs: it is the only hope, and lands without a word to the first. */
static void test_copy_goes_on_alone(void **state)
{
    void (*const ends[])(void) = { first_fails, first_stops };

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        begin_duplicate();
        ends[i]();
        assert_int_equal(sched_leased(job.sched), 1);
        expect_none(12);
        expect_verdict(13, 1, 0, SCHED_WAIT);
        expect(13, SCHED_ADOPT, 1, 0);
        expect_verdict(13, 1, 0, SCHED_STORED);
        end(state);
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
    sched_failed(job.sched, 1, 0, 99);
    expect_verdict(81, 1, 0, SCHED_LATE);
    assert_int_equal(sched_held(job.sched, 1), 0);
    expect_verdict(82, 0, 0, SCHED_STORED);
    expect_none(82);
}

static void test_landed_copy_fails(void **state)
{
    (void)state;
    begin_duplicate();
    expect_verdict(12, 1, 0, SCHED_WAIT);
    expect(12, SCHED_CANCEL, 0, 0);
    sched_failed(job.sched, 1, 0, 12);
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
    expect(2, SCHED_TAKE_BACK, 0, 1);
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
    expect(2, SCHED_TAKE_BACK, 0, 1);
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
    expect(stall, SCHED_TAKE_BACK, 0, 0);
    expect_none(stall);
    expect(2 * stall, SCHED_DUPLICATE, 1, 0);
    expect_verdict(21, 1, 0, SCHED_WAIT);
    expect(21, SCHED_CANCEL, 0, 0); /* it may have begun after all, and go on */
    expect_none(21);
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

/* As above, but of two duplicates one is not told before it is of no use. */
static void test_untold_duplicate_is_withdrawn(void **state)
{
    (void)state;
    begin_one_file(3, 3);
    credit(1, 2);
    credit(0, 1);
    expect(0, SCHED_GRANT, 1, 0);
    expect(0, SCHED_GRANT, 0, 1);
    expect(0, SCHED_GRANT, 1, 2);
    for (uint32_t i = 0; i < 3; i++)
        sched_progress(job.sched, i == 1 ? 0 : 1, i, 0, 0);
    expect_verdict(1, 0, 1, SCHED_STORED);
    sched_progress(job.sched, 1, 0, MIB / 7u, 1);
    sched_progress(job.sched, 1, 2, MIB / 9u, 1);
    credit(0, 1);
    credit(2, 1);
    expect(1, SCHED_DUPLICATE, 0, 2);
    expect_verdict(1, 1, 0, SCHED_STORED);
    expect_none(1);
    assert_int_equal(sched_held(job.sched, 2), 0);
    sched_restart(job.sched, 0, 1);
    expect(2, SCHED_GRANT, 2, 0); /* its credit was not spent */
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

/* Rank 0 has shown that a segment takes a second; rank 1 is at the last one, which is of
 * that kind, and silent after so many bytes. */
static void begin_late(uint32_t flags, uint64_t bytes)
{
    begin_one_file(2, 2);
    job.file[0].flags = flags;
    credit(1, 1);
    credit(0, 1);
    expect(0, SCHED_GRANT, 1, 0);
    expect(0, SCHED_GRANT, 0, 1);
    sched_progress(job.sched, 1, 0, 0, 0);
    sched_progress(job.sched, 0, 1, 0, 0);
    expect_verdict(1, 0, 1, SCHED_STORED);
    sched_progress(job.sched, 1, 0, bytes, 1);
    credit(0, 1);
}

/* The difference that the next ones make. */
static void test_silent_is_late(void **state)
{
    (void)state;
    begin_late(0, MIB / 2);
    expect_none(1);
    expect(stall - 1, SCHED_DUPLICATE, 0, 0);
}

/* All bytes are there: a disk is waited for, and fetching them again would not help. */
static void test_slow_disk_is_not_late(void **state)
{
    (void)state;
    begin_late(0, MIB);
    expect_none(1);
    expect_none(stall - 1);
    for (double now = stall; now < 5 * stall; now++) {
        sched_alive(job.sched, 1, 0, now); /* as its rank says again and again */
        expect_none(now);
    }
    expect_verdict(5 * stall, 1, 0, SCHED_STORED);
}

/* ... unless its rank falls silent altogether. */
static void test_alive_puts_off_a_stall(void **state)
{
    (void)state;
    begin_stall(2);
    sched_progress(job.sched, 0, 0, 10, 3);
    sched_alive(job.sched, 0, 0, 12);
    expect_none_until(3 + stall, 12 + stall);
    expect(12 + stall, SCHED_DUPLICATE, 1, 0);
}

/* Each request for it counts at the source. */
static void test_counted_is_copied_only_when_stalled(void **state)
{
    (void)state;
    begin_late(PLAN_COUNTED, MIB / 2);
    expect_none(1);
    expect_none_until(stall - 1, 1 + stall);
    expect(1 + stall, SCHED_DUPLICATE, 0, 0);
}

static void test_counted_is_taken_back_when_not_begun(void **state)
{
    (void)state;
    begin_one_file(2, 2);
    job.file[0].flags = PLAN_COUNTED;
    credit(0, 2);
    expect(0, SCHED_GRANT, 0, 0);
    expect(0, SCHED_GRANT, 0, 1);
    sched_progress(job.sched, 0, 0, 0, 1);
    credit(1, 1);
    expect(1, SCHED_TAKE_BACK, 0, 1);
    /* it had begun after all, and goes on to its end */
    sched_progress(job.sched, 0, 1, MIB / 2, 2);
    expect_none(2);
    expect_verdict(3, 0, 1, SCHED_STORED);
    expect_none(3);
}

static void forbid_copies(int nranks)
{
    const struct sched_policy policy = {
        .stall = stall, .no_copies = true, .small = MIB / 2, .batch_bytes = MIB
    };

    sched_destroy(job.sched);
    assert_int_equal(sched_create(&job.sched, &job.segments, nranks, &policy, NULL), 0);
}

static void test_without_copies(void **state)
{
    (void)state;
    begin_one_file(2, 3);
    forbid_copies(2);
    credit(0, 2);
    credit(1, 1);
    expect(0, SCHED_GRANT, 0, 0);
    expect(0, SCHED_GRANT, 1, 1);
    expect(0, SCHED_GRANT, 0, 2);
    sched_progress(job.sched, 0, 0, 0, 0);
    sched_progress(job.sched, 1, 1, 0, 0);
    expect_verdict(1, 1, 1, SCHED_STORED);
    credit(1, 1);
    expect(1, SCHED_TAKE_BACK, 0, 2);
    sched_cancelled(job.sched, 0, 2);
    expect(1, SCHED_GRANT, 1, 2);
    expect_verdict(2, 1, 2, SCHED_STORED);
    credit(1, 1);
    for (double now = 2; now < 9 * stall; now++) /* neither late nor stalled ones */
        expect_none(now);
    expect_verdict(9 * stall, 0, 0, SCHED_STORED);
}

/* A pause is nobody's fault, however long it is. */
static void test_a_long_pause_stalls_nothing(void **state)
{
    const double end_of_pause = 10 * stall;

    (void)state;
    begin_stall(2);
    sched_hold(job.sched, end_of_pause);
    expect_none_until(2, end_of_pause + stall);
    expect(end_of_pause + stall, SCHED_DUPLICATE, 1, 0);
}

/* Nor does it make anybody late whose transfer broke off and waits for its end. */
static void test_a_long_pause_makes_nothing_late(void **state)
{
    const double end_of_pause = 10 * stall;

    (void)state;
    begin_late(0, MIB / 2);
    sched_hold(job.sched, end_of_pause);
    expect_none(2);
    expect_none(end_of_pause);
    expect_none(end_of_pause + 0.5);
    sched_progress(job.sched, 1, 0, MIB, end_of_pause + 0.6);
    expect_verdict(end_of_pause + 0.7, 1, 0, SCHED_STORED);
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

/* A duplicate that was adopted is none any more, or the run would soon be out of them. */
static void test_duplicates_end(void **state)
{
    (void)state;
    begin_one_file(2, 9);
    for (uint32_t i = 0; i < 9; i++) {
        double now = 100 * i;

        credit(0, 1);
        expect(now, SCHED_GRANT, 0, i);
        sched_progress(job.sched, 0, i, 0, now);
        expect_none(now + stall);
        credit(1, 1);
        expect(now + stall, SCHED_DUPLICATE, 1, i);
        expect_verdict(now + 50, 1, i, SCHED_WAIT);
        expect(now + 50, SCHED_CANCEL, 0, i);
        sched_cancelled(job.sched, 0, i);
        expect(now + 50, SCHED_ADOPT, 1, i);
        expect_verdict(now + 50, 1, i, SCHED_STORED);
    }
}

/* Far more stalled leases than ranks: no more duplicates at a time than
 * there are ranks. */
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
        cmocka_unit_test_teardown(test_stall, end),
        cmocka_unit_test_teardown(test_stall_in_the_middle_of_a_run, end),
        cmocka_unit_test_teardown(test_first_wins, end),
        cmocka_unit_test_teardown(test_failure_of_a_copy_that_lost, end),
        cmocka_unit_test_teardown(test_duplicate_wins, end),
        cmocka_unit_test_teardown(test_first_is_done_after_all, end),
        cmocka_unit_test_teardown(test_copy_steps_in, end),
        cmocka_unit_test_teardown(test_copy_goes_on_alone, end),
        cmocka_unit_test_teardown(test_copy_alone_stalls, end),
        cmocka_unit_test_teardown(test_adoption_fails, end),
        cmocka_unit_test_teardown(test_duplicate_fails, end),
        cmocka_unit_test_teardown(test_landed_copy_fails, end),
        cmocka_unit_test_teardown(test_not_begun_is_taken_back, end),
        cmocka_unit_test_teardown(test_taken_back_too_late, end),
        cmocka_unit_test_teardown(test_silent_after_taking_back, end),
        cmocka_unit_test_teardown(test_late_is_duplicated, end),
        cmocka_unit_test_teardown(test_untold_duplicate_is_withdrawn, end),
        cmocka_unit_test_teardown(test_equals_are_left_alone, end),
        cmocka_unit_test_teardown(test_restart_waits_for_the_late_copy, end),
        cmocka_unit_test_teardown(test_duplicates_end, end),
        cmocka_unit_test_teardown(test_duplicates_are_few, end),
        cmocka_unit_test_teardown(test_silent_is_late, end),
        cmocka_unit_test_teardown(test_slow_disk_is_not_late, end),
        cmocka_unit_test_teardown(test_alive_puts_off_a_stall, end),
        cmocka_unit_test_teardown(test_counted_is_copied_only_when_stalled, end),
        cmocka_unit_test_teardown(test_counted_is_taken_back_when_not_begun, end),
        cmocka_unit_test_teardown(test_without_copies, end),
        cmocka_unit_test_teardown(test_a_long_pause_stalls_nothing, end),
        cmocka_unit_test_teardown(test_a_long_pause_makes_nothing_late, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
