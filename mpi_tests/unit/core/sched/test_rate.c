#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdbool.h>

#include <cmocka.h>

#include "core/sched/rate.h"

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-6;
}

/* The example of the header, with numbers that are exact. */
static void a_burst_and_then_the_rate(void **state)
{
    struct rate rate;

    (void)state;
    rate_init(&rate, 10e6, 1e6, 100);
    assert_true(rate_wait(&rate, 100) == 0);
    rate_spend(&rate, 1000000, 100);
    assert_true(near(rate_wait(&rate, 100), 1 / 10e6)); /* empty: a byte's time */
    assert_true(rate_wait(&rate, 100.1) == 0);
    rate_spend(&rate, 1000000, 100.1);
    assert_true(rate_wait(&rate, 100.1) > 0);
    assert_true(rate_wait(&rate, 200) == 0); /* silence piles up one burst, not more */
    rate_spend(&rate, 1000001, 200);
    assert_true(near(rate_wait(&rate, 200), 2 / 10e6));
}

static void debts_are_paid_by_time(void **state)
{
    struct rate rate;

    (void)state;
    rate_init(&rate, 1000, 500, 0);
    rate_spend(&rate, 5500, 0); /* 5000 more than there was */
    assert_true(near(rate_wait(&rate, 0), 5.001));
    assert_true(near(rate_wait(&rate, 2), 3.001));
    assert_true(rate_wait(&rate, 5.001) == 0);
}

/* Whoever sleeps as told may go on, at any rate and any hour of the clock. */
static void a_wait_is_enough(void **state)
{
    (void)state;
    for (double per_second = 1; per_second < 1e11; per_second *= 7) {
        for (double now = 0; now < 1e7; now = now * 9 + 0.1) {
            struct rate rate;
            double wait;

            rate_init(&rate, per_second, per_second / 10, now);
            rate_spend(&rate, (uint64_t)(per_second * 3), now);
            wait = rate_wait(&rate, now);
            assert_true(wait > 2 && wait < 4.1);
            assert_true(rate_wait(&rate, now + wait) == 0);
        }
    }
}

static void the_average_is_the_rate(void **state)
{
    const double per_second = 1e6;
    struct rate rate;
    double now = 50, bytes = 0;

    (void)state;
    rate_init(&rate, per_second, 1e5, now);
    for (unsigned i = 0; i < 10000; i++) {
        now += rate_wait(&rate, now);
        rate_spend(&rate, 1 + i * 7919 % 30000, now);
        bytes += 1 + i * 7919 % 30000;
    }
    /* one burst at the start and one spending beyond at the end */
    assert_true(bytes <= (now - 50) * per_second + 1e5 + 30000);
    assert_true(bytes >= (now - 50) * per_second - 30000);
}

static void no_limit_never_waits(void **state)
{
    struct rate rate;

    (void)state;
    rate_init(&rate, 0, 0, 0);
    for (unsigned i = 0; i < 10; i++) {
        rate_spend(&rate, UINT64_MAX, i);
        assert_true(rate_wait(&rate, i) == 0);
    }
    rate_set(&rate, 10, 10); /* what went by without limit is no debt */
    assert_true(rate_wait(&rate, 10) == 0);
}

static void a_new_rate_keeps_the_debt(void **state)
{
    struct rate rate;

    (void)state;
    rate_init(&rate, 100, 1, 0);
    rate_spend(&rate, 1001, 0); /* 1000 to pay */
    rate_set(&rate, 50, 4);     /* 400 are paid at the former rate */
    assert_true(near(rate_wait(&rate, 4), 601 / 50.0));
    rate_set(&rate, 0, 4);
    assert_true(rate_wait(&rate, 4) == 0);
    rate_set(&rate, 100, 1004);
    assert_true(near(rate_wait(&rate, 1004), 6.01));
}

static void a_clock_that_goes_back_pays_nothing(void **state)
{
    struct rate rate;

    (void)state;
    rate_init(&rate, 100, 1, 10);
    rate_spend(&rate, 1001, 10);
    assert_true(near(rate_wait(&rate, 12), 8.01));
    assert_true(near(rate_wait(&rate, 5), 8.01));
    assert_true(
        near(rate_wait(&rate, 12), 8.01)); /* seconds 5 to 12 are not paid twice */
    assert_true(near(rate_wait(&rate, 13), 7.01));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_and_then_the_rate),
        cmocka_unit_test(debts_are_paid_by_time),
        cmocka_unit_test(a_wait_is_enough),
        cmocka_unit_test(the_average_is_the_rate),
        cmocka_unit_test(no_limit_never_waits),
        cmocka_unit_test(a_new_rate_keeps_the_debt),
        cmocka_unit_test(a_clock_that_goes_back_pays_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
