#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sched_job.h"

/* Eight segments at rank 0, which has begun at time 0, and other ranks with nothing to
 * do. */
static void begin_stall(int nranks)
{
    begin_together(nranks, 8, 8, 1);
    sched_tie(job.sched, 0, 8);
    credit(0, 1);
    expect_grant(0, 0, 0, 8);
    sched_progress(job.sched, 0, 0, 0, 0);
    credit(1, 1);
}

static void test_stall(void **state)
{
    (void)state;
    begin_stall(2);
    sched_progress(job.sched, 0, 0, 10, 3);
    sched_progress(job.sched, 0, 0, 10, 7); /* no bytes: no progress */
    expect_none_until(7, 3 + stall);
    expect_cut(3 + stall, 0, 0, 0);
    assert_int_equal(sched_leased(job.sched), 8);
    credit(0, 5);
    credit(1, 5);
    for (double now = 14; now < 99; now++) /* it may still write */
        expect_none(now);
    sched_cancelled(job.sched, 0, 0);
    expect_grant(99, 1, 0, 8);
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
    expect(stall, SCHED_GRANT, 0, 1); /* no other rank can take it */
    credit(1, 2);
    expect_cut(stall, 0, 0, 0);
    expect(stall, SCHED_GRANT, 1, 2);
}

/* It keeps what it has, and the other gets the rest at once. */
static void test_stalled_keeps_a_part(void **state)
{
    (void)state;
    begin_stall(2);
    expect_cut(stall, 0, 0, 0);
    expect_done(11, 0, 0, 3);
    assert_int_equal(sched_stored(job.sched), 3);
    assert_int_equal(sched_held(job.sched, 0), 0);
    expect(11, SCHED_GRANT, 1, 3);
}

/* The cut has crossed the end of it. */
static void test_cut_of_what_has_ended(void **state)
{
    (void)state;
    begin_stall(2);
    expect_cut(stall, 0, 0, 0);
    expect_done(11, 0, 0, 8);
    assert_true(sched_finished(job.sched));
    expect_none(11);
    sched_shortened(job.sched, 0, 0, 3, 12); /* a stranger to it now */
    assert_int_equal(sched_stored(job.sched), 8);
}

static void test_stalled_fails(void **state)
{
    (void)state;
    begin_stall(2);
    expect_cut(stall, 0, 0, 0);
    sched_failed(job.sched, 0, 0, 30);
    expect_none_until(11, 30);
    expect_grant(30, 1, 0, 8);
}

/* A rank that has all of it says so, and is watched as before. */
static void test_nothing_to_give(void **state)
{
    (void)state;
    begin_stall(2);
    expect_cut(stall, 0, 0, 0);
    sched_shortened(job.sched, 0, 0, 8, 12);
    assert_int_equal(sched_leased(job.sched), 8);
    expect_none_until(12, 12 + stall);
    expect_cut(12 + stall, 0, 0, 0);
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
    sched_shortened(job.sched, 0, 1, 1, 2);
    sched_progress(job.sched, 0, 0, MIB, 2);
    expect_none(2);
    expect_done(3, 0, 1, 1);
    expect_none(3);
    expect_done(4, 0, 0, 1);
    assert_true(sched_finished(job.sched));
}

/* A rank that never answers is a lost one: until then nobody else may write there. */
static void test_silent_after_taking_back(void **state)
{
    (void)state;
    begin_one_file(2, 1);
    credit(0, 1);
    expect(0, SCHED_GRANT, 0, 0);
    credit(1, 1);
    expect_none(0);
    expect(stall, SCHED_TAKE_BACK, 0, 0);
    for (double now = stall; now < 9 * stall; now++)
        expect_none(now);
}

/* Rank 1 has shown that a segment takes a second, as does a request. Rank 0 has got `got`
 * of its eight in two seconds, and rank 1 is out of work. */
static void begin_late(uint32_t flags, uint64_t got)
{
    begin_together(2, 9, 8, 1);
    job.file[0].flags = flags;
    sched_tie(job.sched, 0, 8);
    credit(0, 1);
    credit(1, 1);
    expect_grant(0, 0, 0, 8);
    expect_grant(0, 1, 8, 1);
    sched_progress(job.sched, 0, 0, 0, 0);
    sched_progress(job.sched, 1, 8, 0, 0);
    sched_progress(job.sched, 0, 0, got, 2);
    expect_done(2, 1, 8, 1);
    credit(1, 1);
}

/* Rank 0 needs a second a segment and has two: after three more it ends with rank 1, which
 * needs four seconds for three and for the request. */
static void test_both_end_together(void **state)
{
    (void)state;
    begin_late(0, 2 * MIB);
    expect_cut(2, 0, 0, 5);
    expect_none(2);
    sched_shortened(job.sched, 0, 0, 5, 2);
    assert_int_equal(sched_pending(job.sched) + sched_leased(job.sched), 8);
    expect(2, SCHED_GRANT, 1, 5);
    assert_int_equal(job.action.together, 3);
}

/* A connection of a hundredth: it would take a hundred seconds for the segment that it is
 * in. What it has of that is lost. */
static void test_what_hardly_moves_loses_a_part(void **state)
{
    (void)state;
    begin_late(0, MIB + MIB / 50);
    sched_progress(job.sched, 0, 0, MIB + MIB / 50 + 1, 150);
    expect_cut(150, 0, 0, 1);
    expect_done(150, 0, 0, 1);
    expect_grant(150, 1, 1, 7);
}

/* The heir gets it, although others wait longer. */
static void test_the_rest_goes_to_whom_it_was_taken_for(void **state)
{
    (void)state;
    begin_together(3, 9, 8, 1);
    sched_tie(job.sched, 0, 8);
    credit(0, 1);
    credit(1, 1);
    expect_grant(0, 0, 0, 8);
    expect_grant(0, 1, 8, 1);
    sched_progress(job.sched, 0, 0, 0, 0);
    sched_progress(job.sched, 1, 8, 0, 0);
    sched_progress(job.sched, 0, 0, 2 * MIB, 2);
    expect_done(2, 1, 8, 1);
    credit(1, 2);
    expect_cut(2, 0, 0, 5);
    credit(2, 1);
    sched_mute(job.sched, 1, true);
    sched_mute(job.sched, 1, false); /* behind rank 2 */
    sched_shortened(job.sched, 0, 0, 5, 2);
    expect_grant(2, 1, 5, 3);
}

/* A segment by itself is given up whole, if another is done with it long before; but not
 * again and again. */
static void test_one_segment_is_given_up_once(void **state)
{
    (void)state;
    begin_one_file(2, 2);
    credit(1, 1);
    credit(0, 1);
    expect(0, SCHED_GRANT, 1, 0);
    expect(0, SCHED_GRANT, 0, 1);
    sched_progress(job.sched, 1, 0, 0, 0);
    sched_progress(job.sched, 0, 1, 0, 0);
    expect_done(1, 0, 1, 1);
    sched_progress(job.sched, 1, 0, MIB / 9u, 1);
    credit(0, 1);
    expect_cut(1, 1, 0, 0);
    sched_cancelled(job.sched, 1, 0);
    expect(1, SCHED_GRANT, 0, 0);
    sched_progress(job.sched, 0, 0, 0, 1);
    sched_progress(job.sched, 0, 0, 9, 2);
    credit(1, 1);
    expect_none_until(2, 2 + stall);
    expect_cut(2 + stall, 0, 0, 0); /* a stall is another matter */
}

static void set_policy(int nranks, const struct sched_policy *policy)
{
    sched_destroy(job.sched);
    assert_int_equal(sched_create(&job.sched, &job.segments, nranks, policy, NULL), 0);
}

/* The same job: what has come would come once more, within the limit. */
static void test_under_a_limit_nothing_comes_twice(void **state)
{
    const struct sched_policy policy = {
        .stall = stall, .limited = true, .small = MIB / 2, .batch_bytes = MIB
    };

    (void)state;
    begin_one_file(2, 2);
    set_policy(2, &policy);
    credit(1, 1);
    credit(0, 1);
    expect(0, SCHED_GRANT, 1, 0);
    expect(0, SCHED_GRANT, 0, 1);
    sched_progress(job.sched, 1, 0, 0, 0);
    sched_progress(job.sched, 0, 1, 0, 0);
    expect_done(1, 0, 1, 1);
    sched_progress(job.sched, 1, 0, MIB / 9u, 1);
    credit(0, 1);
    expect_none_until(1, 1 + stall);
    expect_cut(1 + stall, 1, 0, 0);
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
    expect_done(4, 0, 0, 1);
    credit(0, 1);
    expect(4, SCHED_GRANT, 0, 2);
    sched_progress(job.sched, 0, 2, 0, 4);
    expect_done(4, 1, 1, 1);
    credit(1, 1);
    sched_progress(job.sched, 0, 2, MIB / 4, 5);
    expect_none(5); /* rank 1 would need four seconds, rank 0 needs three */
}

/* A few bytes say nothing yet: it is taken to be as fast as others. */
static void test_a_slow_start_is_not_late(void **state)
{
    (void)state;
    begin_one_file(2, 2);
    credit(1, 1);
    credit(0, 1);
    expect(0, SCHED_GRANT, 1, 0);
    expect(0, SCHED_GRANT, 0, 1);
    sched_progress(job.sched, 0, 1, 0, 0);
    sched_progress(job.sched, 1, 0, 0, 0.9);
    sched_progress(job.sched, 1, 0, 9, 1);
    expect_done(1, 0, 1, 1);
    credit(0, 1);
    expect_none(1);
    sched_progress(job.sched, 1, 0, 99, 1.2);
    expect_cut(1.3, 1, 0, 0);
}

/* Rank 1 has brought a segment in a second. Rank 0 runs four, has brought so many bytes of
 * each of the first three, and of the last one almost nothing. */
static void begin_beside(uint64_t got)
{
    begin_one_file(2, 5);
    credit(0, 4);
    credit(1, 1);
    expect(0, SCHED_GRANT, 0, 0);
    expect(0, SCHED_GRANT, 1, 1);
    for (uint32_t segment = 2; segment < 5; segment++)
        expect(0, SCHED_GRANT, 0, segment);
    sched_received(job.sched, 0, 0, 1);
    sched_received(job.sched, 1, 0, 1);
    sched_progress(job.sched, 1, 1, 0, 1);
    for (uint32_t segment = 0; segment < 5; segment++)
        sched_progress(job.sched, 0, segment, 0, 1);
    sched_received(job.sched, 1, MIB, 2);
    expect_done(2, 1, 1, 1);
    sched_received(job.sched, 0, 3 * got + MIB / 50, 2);
    for (uint32_t segment = 0; segment < 4; segment++)
        sched_progress(job.sched, 0, segment, got, 2);
    sched_progress(job.sched, 0, 4, MIB / 50, 2);
}

static void end_three(void)
{
    expect_done(2.1, 0, 0, 1);
    expect_done(2.1, 0, 2, 1);
    expect_done(2.1, 0, 3, 1);
}

/* The others have the link of their rank, and are about to leave it. */
static void test_starved_beside_others_is_not_late(void **state)
{
    (void)state;
    begin_beside(MIB - MIB / 10);
    credit(1, 1);
    expect_none(2);
    end_three();
    expect_none(2.1);
    sched_progress(job.sched, 0, 4, MIB / 4, 2.3);
    expect_none(2.4);
}

/* It has the link to itself, and does not get faster. */
static void test_slow_by_itself_is_late(void **state)
{
    (void)state;
    begin_beside(MIB - MIB / 10);
    credit(1, 1);
    end_three();
    sched_progress(job.sched, 0, 4, MIB / 50 + 100, 2.3);
    expect_cut(2.4, 0, 4, 0);
}

/* ... unless nobody was to ask for anything meanwhile. */
static void test_a_pause_makes_nothing_slow_by_itself(void **state)
{
    (void)state;
    begin_beside(MIB - MIB / 10);
    credit(1, 1);
    end_three();
    sched_hold(job.sched, 2.2);
    sched_progress(job.sched, 0, 4, MIB / 50 + 100, 2.3);
    expect_none(2.4);
}

/* The link of rank 0 is slow: it loses the one of which it has least. */
static void test_of_a_slow_rank_the_least_is_given_up(void **state)
{
    (void)state;
    begin_beside(MIB / 20);
    credit(1, 1);
    expect_cut(2, 0, 4, 0);
    expect_none(2);
}

/* Both run four, and rank 0 gets a fifth of what rank 1 does: it ends after four seconds.
 * Of its four rank 1 gets three, after which both are done in about a second. That of late
 * little comes by the one transfer that is left to rank 1 says nothing of its link. */
static void test_no_more_is_given_up_than_pays(void **state)
{
    (void)state;
    begin_one_file(2, 9);
    credit(0, 4);
    credit(1, 5);
    for (uint32_t segment = 0; segment < 9; segment++)
        expect(0, SCHED_GRANT, segment < 8 ? (int)(segment % 2) : 1, segment);
    for (int rank = 0; rank < 2; rank++)
        sched_received(job.sched, rank, 0, 1);
    for (uint32_t segment = 0; segment < 9; segment++)
        sched_progress(job.sched, segment < 8 ? (int)(segment % 2) : 1, segment, 0, 1);
    sched_received(job.sched, 0, 4 * MIB / 5, 2);
    sched_received(job.sched, 1, 4 * MIB, 2);
    for (uint32_t segment = 1; segment < 8; segment += 2)
        expect_done(2, 1, segment, 1);
    sched_received(job.sched, 1, 4 * MIB + 1, 3);
    sched_progress(job.sched, 1, 8, MIB - 1, 3);
    sched_received(job.sched, 0, 8 * MIB / 5, 3);
    for (uint32_t segment = 0; segment < 8; segment += 2)
        sched_progress(job.sched, 0, segment, MIB / 5, 3);
    credit(1, 4);
    expect_cut(3, 0, 0, 0);
    expect_cut(3, 0, 2, 0);
    expect_cut(3, 0, 4, 0);
    expect_none(3);
}

/* The difference that the next ones make. */
static void test_silent_is_late(void **state)
{
    (void)state;
    begin_late(0, 4 * MIB);
    expect_none(2);
    /* nine seconds of silence are taken for nine more, a quarter of them for the next one;
     * rank 1 would need four for the other three */
    expect_cut(2 + stall - 1, 0, 0, 5);
}

/* All bytes are there: a disk is waited for, and nobody else can help. */
static void test_slow_disk_is_not_late(void **state)
{
    (void)state;
    begin_late(0, 8 * MIB);
    expect_none(2);
    expect_none(stall - 1);
    for (double now = stall; now < 5 * stall; now++) {
        sched_progress(job.sched, 0, 0, 8 * MIB, now); /* as its rank says again */
        expect_none(now);
    }
    expect_done(5 * stall, 0, 0, 8);
}

/* ... unless its rank falls silent altogether. */
static void test_alive_puts_off_a_stall(void **state)
{
    (void)state;
    begin_stall(2);
    sched_progress(job.sched, 0, 0, 10, 3);
    sched_alive(job.sched, 0, 0, 12);
    expect_none_until(3 + stall, 12 + stall);
    expect_cut(12 + stall, 0, 0, 0);
}

/* Each request for it counts at the source. */
static void test_counted_is_cut_only_when_stalled(void **state)
{
    (void)state;
    begin_late(PLAN_COUNTED, 4 * MIB);
    expect_none(2);
    expect_none_until(stall - 1, 2 + stall);
    expect_cut(2 + stall, 0, 0, 0);
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
}

static void test_without_cuts(void **state)
{
    const struct sched_policy policy = {
        .stall = stall, .no_cuts = true, .small = MIB / 2, .batch_bytes = MIB
    };

    (void)state;
    begin_one_file(2, 3);
    set_policy(2, &policy);
    credit(0, 2);
    credit(1, 1);
    expect(0, SCHED_GRANT, 0, 0);
    expect(0, SCHED_GRANT, 1, 1);
    expect(0, SCHED_GRANT, 0, 2);
    sched_progress(job.sched, 0, 0, 0, 0);
    sched_progress(job.sched, 1, 1, 0, 0);
    expect_done(1, 1, 1, 1);
    credit(1, 1);
    expect(1, SCHED_TAKE_BACK, 0, 2);
    sched_cancelled(job.sched, 0, 2);
    expect(1, SCHED_GRANT, 1, 2);
    expect_done(2, 1, 2, 1);
    credit(1, 1);
    for (double now = 2; now < 9 * stall; now++) /* neither late nor stalled ones */
        expect_none(now);
    expect_done(9 * stall, 0, 0, 1);
}

/* A pause is nobody's fault, however long it is. */
static void test_a_long_pause_stalls_nothing(void **state)
{
    const double end_of_pause = 10 * stall;

    (void)state;
    begin_stall(2);
    sched_hold(job.sched, end_of_pause);
    expect_none_until(2, end_of_pause + stall);
    expect_cut(end_of_pause + stall, 0, 0, 0);
}

/* Nor does it make anybody late whose transfer broke off and waits for its end. */
static void test_a_long_pause_makes_nothing_late(void **state)
{
    const double end_of_pause = 10 * stall;

    (void)state;
    begin_late(0, 7 * MIB);
    sched_hold(job.sched, end_of_pause);
    expect_none(2);
    expect_none(end_of_pause);
    expect_none(end_of_pause + 0.5);
    sched_progress(job.sched, 0, 0, 8 * MIB, end_of_pause + 0.6);
    expect_done(end_of_pause + 0.7, 0, 0, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_stall, end),
        cmocka_unit_test_teardown(test_stall_in_the_middle_of_a_run, end),
        cmocka_unit_test_teardown(test_stalled_keeps_a_part, end),
        cmocka_unit_test_teardown(test_cut_of_what_has_ended, end),
        cmocka_unit_test_teardown(test_stalled_fails, end),
        cmocka_unit_test_teardown(test_nothing_to_give, end),
        cmocka_unit_test_teardown(test_not_begun_is_taken_back, end),
        cmocka_unit_test_teardown(test_taken_back_too_late, end),
        cmocka_unit_test_teardown(test_silent_after_taking_back, end),
        cmocka_unit_test_teardown(test_both_end_together, end),
        cmocka_unit_test_teardown(test_what_hardly_moves_loses_a_part, end),
        cmocka_unit_test_teardown(test_the_rest_goes_to_whom_it_was_taken_for, end),
        cmocka_unit_test_teardown(test_one_segment_is_given_up_once, end),
        cmocka_unit_test_teardown(test_under_a_limit_nothing_comes_twice, end),
        cmocka_unit_test_teardown(test_equals_are_left_alone, end),
        cmocka_unit_test_teardown(test_a_slow_start_is_not_late, end),
        cmocka_unit_test_teardown(test_starved_beside_others_is_not_late, end),
        cmocka_unit_test_teardown(test_slow_by_itself_is_late, end),
        cmocka_unit_test_teardown(test_a_pause_makes_nothing_slow_by_itself, end),
        cmocka_unit_test_teardown(test_of_a_slow_rank_the_least_is_given_up, end),
        cmocka_unit_test_teardown(test_no_more_is_given_up_than_pays, end),
        cmocka_unit_test_teardown(test_silent_is_late, end),
        cmocka_unit_test_teardown(test_slow_disk_is_not_late, end),
        cmocka_unit_test_teardown(test_alive_puts_off_a_stall, end),
        cmocka_unit_test_teardown(test_counted_is_cut_only_when_stalled, end),
        cmocka_unit_test_teardown(test_counted_is_taken_back_when_not_begun, end),
        cmocka_unit_test_teardown(test_without_cuts, end),
        cmocka_unit_test_teardown(test_a_long_pause_stalls_nothing, end),
        cmocka_unit_test_teardown(test_a_long_pause_makes_nothing_late, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
