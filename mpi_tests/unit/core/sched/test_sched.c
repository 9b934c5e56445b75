#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "sched_job.h"

static void test_nothing_to_fetch(void **state)
{
    (void)state;
    begin(3, NULL, 0);
    credit(0, 1);
    expect_none(0);
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
        expect_done(i, 0, i, 1);
        assert_false(i < 39 && sched_finished(job.sched));
    }
    assert_true(sched_finished(job.sched));
    assert_int_equal(sched_held(job.sched, 0), 0);
    assert_false(sched_done(job.sched, 0, 7, 1, 50)); /* it has had its last word */
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

/* Its credit waits, whenever it came; what it holds it ends as usual. */
static void test_a_muted_rank_gets_nothing(void **state)
{
    (void)state;
    begin_one_file(2, 6);
    credit(0, 2);
    expect(0, SCHED_GRANT, 0, 0);
    sched_mute(job.sched, 0, true);
    sched_mute(job.sched, 0, true);
    expect_none(1);
    credit(0, 1);
    expect_none(2);
    credit(1, 1);
    expect(3, SCHED_GRANT, 1, 1);
    expect_none(3);
    expect_done(4, 0, 0, 1);
    sched_mute(job.sched, 0, false);
    sched_mute(job.sched, 0, false);
    for (uint32_t i = 2; i < 4; i++)
        expect(5, SCHED_GRANT, 0, i); /* one unit from before, one from meanwhile */
    expect_none(5);
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

/* A share of what is left: half of a quarter, since two transfers share it; but no more than
 * is allowed. */
static void test_grants_shrink(void **state)
{
    uint32_t at = 0;

    (void)state;
    begin_together(1, 100, 9, 2);
    credit(0, 100);
    while (at < 100) {
        uint32_t share = (100 - at) / (SEGMENT_TURNS * 2);
        uint32_t want = share < 1 ? 1 : share < 9 ? share : 9;

        expect_grant(0, 0, at, want);
        at += want;
    }
    expect_none(0);
    assert_int_equal(sched_leased(job.sched), 100);
}

/* There may be more of them, or fewer, as the run goes on. */
static void test_slots_change(void **state)
{
    (void)state;
    begin_together(1, 100, 99, 5);
    credit(0, 9);
    expect_grant(0, 0, 0, 5);
    sched_slots(job.sched, 19);
    expect_grant(0, 0, 5, 1);
    sched_slots(job.sched, 1);
    expect_grant(0, 0, 6, 23);
}

static void test_ends_of_files_end_grants(void **state)
{
    const uint64_t sizes[] = { 3 * MIB, 2 * MIB };

    (void)state;
    begin(1, sizes, 2);
    job.segments.together = 64;
    job.segments.size = MIB;
    credit(0, 9);
    for (uint32_t at = 0; at < 5; at += job.action.together) {
        assert_true(next(0));
        assert_int_equal(job.action.segment[0], at);
        assert_true(at >= 3 || at + job.action.together <= 3);
    }
}

/* The rest of what did not land comes back, and nothing of what did. */
static void test_part_lands(void **state)
{
    (void)state;
    begin_together(2, 64, 64, 1);
    credit(0, 1);
    expect_grant(0, 0, 0, 16);
    expect_done(1, 0, 0, 5);
    assert_int_equal(sched_stored(job.sched), 5);
    assert_int_equal(sched_held(job.sched, 0), 0);
    credit(1, 1);
    expect_grant(1, 1, 5, 11);
}

/* A share of it, as of all that is left. */
static void test_failed_is_granted_in_parts(void **state)
{
    (void)state;
    begin_together(2, 16, 16, 1);
    credit(0, 1);
    expect_grant(0, 0, 0, 4);
    sched_failed(job.sched, 0, 0, 5);
    credit(1, 9);
    expect_grant(1, 1, 4, 4);
    expect_grant(5, 1, 0, 3);
    expect_grant(5, 1, 3, 1);
    expect_grant(5, 1, 8, 2);
}

/* However much is left, and wherever a rank comes from. */
static void test_tied_ones_stay_together(void **state)
{
    (void)state;
    begin_together(2, 20, 4, 1);
    sched_tie(job.sched, 2, 9);
    sched_tie(job.sched, 11, 1);
    sched_tie(job.sched, 12, 3);
    credit(0, 9);
    expect_grant(0, 0, 0, 2);
    expect_grant(0, 0, 2, 9);
    expect_grant(0, 0, 11, 1);
    sched_cancelled(job.sched, 0, 2);
    credit(1, 1);
    expect_grant(1, 1, 2, 9); /* as it was */
    sched_lost(job.sched, 1, 2);
    expect_grant(2, 0, 2, 4); /* rank 1 has no credit */
    expect_grant(2, 0, 6, 3);
    expect_grant(2, 0, 9, 2);
    expect_grant(2, 0, 12, 3);
}

static void test_restart_unties(void **state)
{
    (void)state;
    begin_together(1, 8, 2, 1);
    sched_tie(job.sched, 0, 8);
    credit(0, 9);
    expect_grant(0, 0, 0, 8);
    expect_done(1, 0, 0, 8);
    sched_restart(job.sched, 0, 8, 0);
    expect_grant(1, 0, 0, 2);
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
    credit(1, 1);
    expect_none_until(1, 5);
    expect(5, SCHED_GRANT, 1, 0); /* although rank 0 waits longer */
    sched_failed(job.sched, 1, 0, 6);
    expect(6, SCHED_GRANT, 0, 0);
    sched_failed(job.sched, 0, 0, 7);
    credit(0, 1);
    expect(7, SCHED_GRANT, 0, 0); /* nobody else can */
}

/* What failed at different ranks, in turn, does not travel in one batch. */
static void test_failed_small_files(void **state)
{
    const uint64_t sizes[] = { 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9 };
    int owner[countof(sizes)], failed[2] = { 0 };

    (void)state;
    begin(2, sizes, countof(sizes));
    credit(0, 99);
    credit(1, 99);
    while (next(0))
        for (uint32_t i = 0; i < job.action.count; i++)
            owner[job.action.segment[i]] = job.action.rank;
    for (uint32_t i = 0; i < countof(sizes); i++)
        sched_failed(job.sched, owner[i], i, 2 * failed[owner[i]]++ + owner[i]);
    assert_in_range(failed[0], 2, countof(sizes) - 2);
    while (next(99))
        for (uint32_t i = 0; i < job.action.count; i++)
            assert_int_equal(job.action.rank, 1 - owner[job.action.segment[i]]);
    assert_int_equal(sched_leased(job.sched), countof(sizes));
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
    expect_none_until(1, 4);
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
    expect_done(21, 0, 3, 1);
    assert_true(sched_finished(job.sched));
}

static void test_restart(void **state)
{
    (void)state;
    begin_one_file(2, 1);
    credit(0, 3);
    expect(0, SCHED_GRANT, 0, 0);
    expect_done(1, 0, 0, 1);
    sched_restart(job.sched, 0, 1, 0);
    assert_false(sched_finished(job.sched));
    credit(1, 1);
    expect(1, SCHED_GRANT, 1, 0);
    expect_done(2, 1, 0, 1);
    sched_restart(job.sched, 0, 1, 1);
    expect(3, SCHED_GRANT, 0, 0);
}

static void test_strangers_change_nothing(void **state)
{
    (void)state;
    begin_one_file(2, 2);
    assert_false(sched_done(job.sched, 1, 0, 1, 0));
    sched_failed(job.sched, 1, 1, 5);
    sched_cancelled(job.sched, 1, 1);
    sched_progress(job.sched, 1, 1, 5, 0);
    assert_int_equal(sched_pending(job.sched), 2);
    credit(0, 2);
    expect(0, SCHED_GRANT, 0, 0);
    assert_false(sched_done(job.sched, 1, 0, 1, 0));
    assert_int_equal(sched_leased(job.sched), 1);
    expect(0, SCHED_GRANT, 0, 1);
}

/* Of each state a segment goes through. */
static void test_what_is_left_in_bytes(void **state)
{
    struct sched_load load;

    (void)state;
    begin_together(2, 16, 4, 1);
    assert_int_equal(sched_pending_bytes(job.sched), 16 * MIB);
    credit(1, 1);
    expect_grant(0, 1, 0, 4);
    assert_int_equal(sched_pending_bytes(job.sched), 12 * MIB);
    sched_progress(job.sched, 1, 0, MIB, 1);
    load = sched_load(job.sched, 1);
    assert_int_equal(load.leased, 4 * MIB);
    assert_int_equal(load.left, 3 * MIB);
    assert_int_equal(sched_load(job.sched, 0).leased, 0);
    expect_done(2, 1, 0, 3);
    assert_int_equal(sched_pending_bytes(job.sched), 13 * MIB);
    assert_int_equal(sched_load(job.sched, 1).leased, 0);
    assert_true(sched_load(job.sched, 1).speed > 0);
    sched_restart(job.sched, 0, 1, -1);
    assert_int_equal(sched_pending_bytes(job.sched), 14 * MIB);
    sched_have(job.sched, 0);
    assert_int_equal(sched_pending_bytes(job.sched), 13 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_nothing_to_fetch, end),
        cmocka_unit_test_teardown(test_a_rank_alone_goes_in_order, end),
        cmocka_unit_test_teardown(test_ranks_take_turns, end),
        cmocka_unit_test_teardown(test_a_muted_rank_gets_nothing, end),
        cmocka_unit_test_teardown(test_largest_first_and_side_by_side, end),
        cmocka_unit_test_teardown(test_grants_shrink, end),
        cmocka_unit_test_teardown(test_slots_change, end),
        cmocka_unit_test_teardown(test_ends_of_files_end_grants, end),
        cmocka_unit_test_teardown(test_part_lands, end),
        cmocka_unit_test_teardown(test_failed_is_granted_in_parts, end),
        cmocka_unit_test_teardown(test_tied_ones_stay_together, end),
        cmocka_unit_test_teardown(test_restart_unties, end),
        cmocka_unit_test_teardown(test_ranks_in_one_file_keep_neighbours, end),
        cmocka_unit_test_teardown(test_small_files_in_batches, end),
        cmocka_unit_test_teardown(test_batches_shrink, end),
        cmocka_unit_test_teardown(test_failed_waits_and_moves, end),
        cmocka_unit_test_teardown(test_failed_small_files, end),
        cmocka_unit_test_teardown(test_failed_goes_first, end),
        cmocka_unit_test_teardown(test_hold, end),
        cmocka_unit_test_teardown(test_have, end),
        cmocka_unit_test_teardown(test_restart, end),
        cmocka_unit_test_teardown(test_what_is_left_in_bytes, end),
        cmocka_unit_test_teardown(test_strangers_change_nothing, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
