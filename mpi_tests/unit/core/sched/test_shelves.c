/* Ranks that want different files: each fetches its own, as long as that is possible. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sched_job.h"

/* Files of three segments (0 to 2), for rank 0; of two (3, 4), for rank 1; and a small one (5),
 * for both. */
static const uint64_t sizes[] = { UINT64_C(3) * MIB, UINT64_C(2) * MIB, 100 };
static const uint32_t of_file[] = { 0, 1, 2 };

static bool suits_each(const void *arg, uint32_t group, int rank)
{
    (void)arg;
    return group == 2 || (int)group == rank;
}

static bool suits_all(const void *arg, uint32_t group, int rank)
{
    (void)arg;
    return group + (uint32_t)rank < UINT32_MAX;
}

static bool suits_first(const void *arg, uint32_t group, int rank)
{
    (void)arg;
    return group == 0 && rank == 0;
}

static void start(bool (*suits)(const void *arg, uint32_t group, int rank))
{
    const struct shelf_groups groups = { 3, of_file, suits, NULL };
    const struct sched_policy policy = { .slots = 2,
                                         .stall = stall,
                                         .small = MIB / 2,
                                         .batch_bytes = MIB,
                                         .groups = &groups };

    begin(2, sizes, 3);
    sched_destroy(job.sched);
    assert_int_equal(sched_create(&job.sched, &job.segments, 2, &policy, NULL), 0);
}

/* Which rank gets which: as letters, '.' for none. */
static void expect_all(double now, const char *wanted)
{
    char got[7] = "......";

    while (next(now)) {
        assert_int_equal(job.action.kind, SCHED_GRANT);
        for (uint32_t i = 0; i < job.action.count; i++)
            got[job.action.segment[i]] = (char)('0' + job.action.rank);
    }
    assert_string_equal(got, wanted);
}

static void test_each_its_own(void **state)
{
    (void)state;
    start(suits_each);
    credit(0, 9);
    expect_all(0, "000..0");
    credit(1, 9);
    expect_all(0, "...11.");
}

static void test_what_suits_both_is_for_whoever_asks(void **state)
{
    (void)state;
    start(suits_each);
    credit(1, 9);
    expect_all(0, "...111");
}

/* Others get what is for a rank alone while it takes no part. */
static void test_of_a_muted_rank(void **state)
{
    (void)state;
    start(suits_each);
    sched_mute(job.sched, 1, true);
    credit(0, 3);
    expect_all(0, "0..0.0"); /* one of each in turn */
    sched_mute(job.sched, 1, false);
    credit(0, 9);
    expect_all(1, ".00...");
    credit(1, 9);
    expect_all(1, "....1.");
}

static void test_of_a_group_that_suits_nobody(void **state)
{
    (void)state;
    start(suits_first);
    credit(1, 9);
    expect_all(0, "...111");
}

/* What comes back does, whoever waits meanwhile. */
static void test_what_comes_back(void **state)
{
    (void)state;
    start(suits_each);
    credit(1, 1);
    assert_true(next(0));
    assert_int_equal(job.action.segment[0], 3);
    credit(0, 9);
    expect_all(0, "000..0");
    sched_failed(job.sched, 1, 3, 1);
    expect_none(2);
    credit(1, 1); /* the rank to avoid is the only one */
    expect(3, SCHED_GRANT, 1, 3);
}

static void late(bool (*suits)(const void *arg, uint32_t group, int rank))
{
    start(suits);
    for (uint32_t segment = 0; segment < 3; segment++)
        sched_have(job.sched, segment);
    sched_have(job.sched, 5);
    credit(1, 2);
    expect(0, SCHED_GRANT, 1, 3);
    expect(0, SCHED_GRANT, 1, 4);
    sched_progress(job.sched, 1, 3, 0, 1);
    credit(0, 1);
}

/* A rank without work does not help with what it does not want, ... */
static void test_nothing_is_taken_back_for_others(void **state)
{
    (void)state;
    late(suits_each);
    expect_none_until(2, 2.5);
    expect_none(3 * stall);
    end(state);
    late(suits_all);
    expect(2, SCHED_TAKE_BACK, 1, 4);
}

/* ... unless nobody else is left. */
static void test_a_rank_that_leaves(void **state)
{
    (void)state;
    late(suits_each);
    sched_leave(job.sched, 1);
    expect(3, SCHED_GRANT, 0, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_each_its_own, end),
        cmocka_unit_test_teardown(test_what_suits_both_is_for_whoever_asks, end),
        cmocka_unit_test_teardown(test_of_a_muted_rank, end),
        cmocka_unit_test_teardown(test_of_a_group_that_suits_nobody, end),
        cmocka_unit_test_teardown(test_what_comes_back, end),
        cmocka_unit_test_teardown(test_nothing_is_taken_back_for_others, end),
        cmocka_unit_test_teardown(test_a_rank_that_leaves, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
