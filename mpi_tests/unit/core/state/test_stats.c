#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/state/stats.h"

static void a_range_names_the_extremes(void **state)
{
    const struct stats ranks[] = {
        { .value = { [STAT_FETCHED] = 30, [STAT_CPU] = 5 } },
        { .value = { [STAT_FETCHED] = 10, [STAT_CPU] = 5 } },
        { .value = { [STAT_FETCHED] = 70, [STAT_CPU] = 5 } },
        { .value = { [STAT_FETCHED] = 20, [STAT_CPU] = 5 } },
    };
    struct stats_range range = stats_range(ranks, 4, STAT_FETCHED);

    (void)state;
    assert_int_equal(range.sum, 130);
    assert_int_equal(range.least, 10);
    assert_int_equal(range.least_at, 1);
    assert_int_equal(range.most, 70);
    assert_int_equal(range.most_at, 2);
    range = stats_range(ranks, 4, STAT_HASHED); /* another counter is not mixed in */
    assert_int_equal(range.sum, 0);
    assert_int_equal(range.most, 0);
    range = stats_range(ranks, 4, STAT_CPU);
    assert_int_equal(range.sum, 20);
    assert_int_equal(range.least, 5);
    assert_int_equal(range.most, 5);
}

static void the_ends_of_the_list_count(void **state)
{
    const struct stats ranks[] = {
        { .value = { [STAT_SEGMENTS] = 9, [STAT_PEAK] = 1 } },
        { .value = { [STAT_SEGMENTS] = 5, [STAT_PEAK] = 5 } },
        { .value = { [STAT_SEGMENTS] = 1, [STAT_PEAK] = 9 } },
    };
    struct stats_range falling = stats_range(ranks, 3, STAT_SEGMENTS);
    struct stats_range rising = stats_range(ranks, 3, STAT_PEAK);

    (void)state;
    assert_int_equal(falling.most_at, 0);
    assert_int_equal(falling.least_at, 2);
    assert_int_equal(rising.most_at, 2);
    assert_int_equal(rising.least_at, 0);
}

static void one_rank_is_both(void **state)
{
    const struct stats rank = { .value = { [STAT_GROWTH] = UINT64_MAX } };
    struct stats_range range = stats_range(&rank, 1, STAT_GROWTH);

    (void)state;
    assert_true(range.sum == UINT64_MAX);
    assert_true(range.least == UINT64_MAX && range.most == UINT64_MAX);
    assert_true(range.least_at == 0 && range.most_at == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_names_the_extremes),
        cmocka_unit_test(the_ends_of_the_list_count),
        cmocka_unit_test(one_rank_is_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
