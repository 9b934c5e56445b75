/* io/clock.c: units and bounds. */
#include "io/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void test_units(void **state)
{
    double now = clock_now(), cpu = clock_cpu();
    int64_t wall = clock_wall();

    (void)state;
    clock_sleep(0.02);
    /* a sleep may be longer, never shorter */
    assert_true(clock_now() - now >= 0.02);
    assert_true(clock_wall() / 1000000000 >= (int64_t)1700000000);
    assert_true(llabs(wall / 1000000000 - (int64_t)time(NULL)) <= 60);
    while (clock_cpu() < cpu + 0.001)
        ;
    clock_sleep(0);
    clock_sleep(-1);
}

static void test_random(void **state)
{
    double least = 1, most = 0;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        double x = clock_random();

        assert_true(x >= 0 && x < 1);
        least = x < least ? x : least;
        most = x > most ? x : most;
    }
    /* missing a hundredth at either end has a chance of 2 * 0.99^10000 */
    assert_true(least < 0.01 && most > 0.99);
}

static void test_peak(void **state)
{
    size_t size = 64 << 20;
    uint64_t before = clock_peak();
    char *bytes = malloc(size);

    (void)state;
    assert_non_null(bytes);
    memset(bytes, 1, size);
    assert_true(clock_peak() >= size);
    assert_true(clock_peak() >= before);
    assert_true(clock_peak() < (uint64_t)1 << 40); /* bytes, not more than any test has */
    assert_int_equal(bytes[size - 1], 1);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_peak),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
