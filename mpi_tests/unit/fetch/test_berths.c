#include "fetch/berths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/text.h"

static const uint64_t mib = 1024 * 1024;

static void a_berth_has_a_sixteenth(void **state)
{
    const struct {
        uint64_t memory, parcel, size;
        uint32_t count;
    } rows[] = {
        { 0, 8, 1, BERTHS_LEAST }, { 4 * mib, 8, 1, 4 },   { 17 * mib, 8, 1, 17 },
        { 32 * mib, 8, 2, 16 },    { 32 * mib, 1, 1, 32 }, /* else half of the memory would stay empty */
        { 47 * mib, 8, 2, 23 },    { 64 * mib, 8, 4, 16 }, { 64 * mib, 2, 2, 32 },
        { 1024 * mib, 8, 4, 256 }, /* longer ones only come later */
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct berths berths;

        assert_int_equal(berths_open(&berths, rows[i].memory, rows[i].parcel * mib, NULL),
                         0);
        assert_int_equal(berths.size, rows[i].size * mib);
        assert_int_equal(berths_size(rows[i].memory, rows[i].parcel * mib),
                         rows[i].size * mib);
        assert_int_equal(berths.count, rows[i].count);
        berths_close(&berths, false);
    }
}

static struct berth *take(struct berths *berths, bool takes, uint32_t ticket,
                          enum berth_state state)
{
    struct berth *berth =
        berths_take(berths, takes, ticket, &(struct piece){ .segments = 1 });

    if (berth)
        berth->state = state;
    return berth;
}

/* Else all nodes could wait for each other with places for what nobody can read. */
static void two_are_left_for_what_others_wait_for(void **state)
{
    struct berths berths;

    (void)state;
    assert_int_equal(berths_open(&berths, 0, 64 * mib, NULL), 0);
    assert_non_null(take(&berths, true, 1, BERTH_TAKING));
    assert_non_null(take(&berths, true, 2, BERTH_FULL));
    assert_null(take(&berths, true, 3, BERTH_TAKING));
    assert_non_null(take(&berths, false, 3, BERTH_READING));
    assert_non_null(take(&berths, false, 4, BERTH_READING));
    assert_null(take(&berths, false, 5, BERTH_READING));
    /* One that is written makes room for another. */
    berths_find(&berths, 2, 0)->state = BERTH_KEPT;
    assert_non_null(take(&berths, true, 5, BERTH_TAKING));
    berths_close(&berths, false);
}

static void what_was_used_last_stays_longest(void **state)
{
    struct berths berths;
    struct berth *first;

    (void)state;
    assert_int_equal(berths_open(&berths, 0, 64 * mib, NULL), 0);
    first = take(&berths, false, 1, BERTH_KEPT);
    for (uint32_t i = 2; i <= 4; i++)
        assert_true(take(&berths, false, i, BERTH_KEPT) != first);
    assert_ptr_equal(berths_find(&berths, 1, 0), first);
    assert_null(berths_find(&berths, 1, 1));
    assert_null(berths_find(&berths, 5, 0));
    assert_non_null(take(&berths, false, 5, BERTH_KEPT));
    assert_null(berths_find(&berths, 2, 0)); /* that was the oldest */
    assert_non_null(berths_find(&berths, 1, 0));
    /* What is leaving is nobody else's. */
    berths_find(&berths, 3, 0)->leaving = 1;
    assert_non_null(berths_find(&berths, 4, 0));
    first->leaving = 1;
    assert_non_null(take(&berths, false, 6, BERTH_KEPT));
    assert_null(berths_find(&berths, 5, 0));
    assert_non_null(berths_find(&berths, 3, 0));
    berths_close(&berths, false);
}

/* Else what leaves over a slow link keeps out what is to come over it. */
static void each_direction_has_half_if_both_wait(void **state)
{
    struct berths berths;
    struct berth *given[4];

    (void)state;
    assert_int_equal(berths_open(&berths, 0, 64 * mib, NULL), 0);
    for (uint32_t i = 0; i < countof(given); i++) {
        given[i] = take(&berths, false, i, BERTH_KEPT);
        assert_non_null(given[i]);
        given[i]->leaving = 1;
    }
    assert_null(take(&berths, true, 10, BERTH_TAKING));
    given[0]->leaving = 0;
    given[1]->leaving = 0;
    assert_null(take(&berths, false, 11, BERTH_READING));
    given[2]->leaving = 0;
    assert_non_null(take(&berths, false, 11, BERTH_READING));
    assert_null(take(&berths, false, 12, BERTH_READING));
    assert_non_null(take(&berths, true, 10, BERTH_TAKING));
    /* As nothing is to come any more, all are there for what leaves. */
    berths_ask(&berths, true);
    assert_non_null(take(&berths, false, 12, BERTH_READING));
    berths_close(&berths, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_berth_has_a_sixteenth),
        cmocka_unit_test(two_are_left_for_what_others_wait_for),
        cmocka_unit_test(what_was_used_last_stays_longest),
        cmocka_unit_test(each_direction_has_half_if_both_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
