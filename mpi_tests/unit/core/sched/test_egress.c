/* Whose fault it is that nothing came: the rank's, or that of all. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/sched/egress.h"

static const struct outcome refused = { .fault = NET_CONNECT };

static void begin(struct egress *egress, int nranks)
{
    static const unsigned slots[] = { 8, 8, 8, 8 };

    assert_int_equal(egress_init(egress, slots, nranks, NULL), 0);
    assert_int_equal(egress_next(egress, 0), -1);
}

static void test_what_speaks_of_the_rank(void **state)
{
    static const struct {
        struct outcome outcome;
        bool shut;
    } rows[] = {
        { { .fault = NET_RESOLVE }, true },
        { { .fault = NET_CONNECT }, true },
        { { .fault = NET_TLS }, true },
        { { .fault = NET_CERT }, true },
        { { .fault = NET_TIMEOUT }, false },
        { { .fault = NET_CUT }, false },
        { { .fault = NET_PROTOCOL }, false },
        { { .fault = NET_OK, .status = 503 }, false },
        { { .fault = NET_CONNECT, .status = 502 }, false },
        { { .fault = NET_LOCAL }, false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct egress egress;

        begin(&egress, 2);
        assert_int_equal(egress_shut(&egress, 0, &rows[i].outcome, 1), rows[i].shut);
        egress_release(&egress);
    }
}

static void test_tries_again(void **state)
{
    struct egress egress;
    double now = 1;

    (void)state;
    begin(&egress, 3);
    for (int i = 0; i < 6; i++) {
        static const double pauses[] = { 30, 60, 120, 240, 300, 300 };

        assert_true(egress_shut(&egress, 2, &refused, now));
        assert_true(egress_shut(&egress, 2, &refused, now + 1)); /* what was under way */
        assert_int_equal(egress_next(&egress, now + pauses[i] - 1), -1);
        now += pauses[i];
        assert_int_equal(egress_next(&egress, now), 2);
        assert_int_equal(egress_next(&egress, now), -1);
    }
    egress_open(&egress, 2);
    assert_false(egress_shut(&egress, 2, &refused, now)); /* it had a way: that passes */
    egress_release(&egress);
}

/* Then it is not the ranks: all may try, and failures count for the segments. */
static void test_nobody(void **state)
{
    struct egress egress;
    unsigned named = 0;
    int rank;

    (void)state;
    begin(&egress, 3);
    assert_true(egress_shut(&egress, 0, &refused, 1));
    assert_true(egress_shut(&egress, 2, &refused, 1));
    assert_int_equal(egress_next(&egress, 2), -1);
    assert_false(egress_shut(&egress, 1, &refused, 2));
    while ((rank = egress_next(&egress, 2)) >= 0)
        named |= 1U << rank;
    assert_int_equal(named, 7);
    for (rank = 0; rank < 3; rank++)
        assert_false(egress_shut(&egress, rank, &refused, 3));
    assert_int_equal(egress_next(&egress, INFINITY), -1);
    egress_release(&egress);
}

static void test_a_rank_alone(void **state)
{
    static const unsigned slots[] = { 4, 0, 0 };
    struct egress egress;

    (void)state;
    assert_int_equal(egress_init(&egress, slots, 3, NULL), 0);
    assert_false(egress_shut(&egress, 0, &refused, 1)); /* the others fetch nothing */
    assert_int_equal(egress_next(&egress, 1), 0);
    assert_int_equal(egress_next(&egress, 1), -1);
    egress_release(&egress);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_speaks_of_the_rank),
        cmocka_unit_test(test_tries_again),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_a_rank_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
