#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/sched/meter.h"

static void test_rate(void **state)
{
    struct meter meter = { 0 };

    (void)state;
    assert_float_equal(meter_rate(&meter, 2), 0, 0);
    meter_add(&meter, 0.5, 1000);
    assert_float_equal(meter_rate(&meter, 2), 2000, 1e-9);
    meter_add(&meter, 1, 0);
    meter_add(&meter, 1, 300);
    assert_float_equal(meter.seconds, 2.5, 1e-9);
    /* The first word lies behind the window. */
    assert_float_equal(meter_rate(&meter, 2), 150, 1e-9);
    assert_float_equal(meter_rate(&meter, 1), 300, 1e-9);
}

/* More words than it keeps: those that it has count. */
static void test_ring(void **state)
{
    struct meter meter = { 0 };

    (void)state;
    for (unsigned i = 0; i < 5 * METER_WORDS; i++)
        meter_add(&meter, 0.01, i < 4 * METER_WORDS ? 1000000 : 10);
    assert_float_equal(meter_rate(&meter, 2), 1000, 1e-6);
}

/* Near the end rank 0 hears more, but no flood. */
static void test_period(void **state)
{
    (void)state;
    assert_true(meter_period_at_end(METER_FEW) < meter_period(METER_FEW) / 2);
    assert_float_equal(meter_period_at_end(1), meter_period(1), 1e-9);
    assert_true(meter_period(METER_FEW + 1) > meter_period(METER_FEW));
    assert_true(1024 / meter_period_at_end(1024) <= 2048 + 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_period),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
