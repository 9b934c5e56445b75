/* Pauses that grow: from where, up to where, and from where again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/clock.h"
#include "io/nap.h"

static void test_grows(void **state)
{
    struct nap nap = { .shortest = 0.001, .longest = 0.5 };
    double before = nap_length(&nap);

    (void)state;
    assert_true(before == 0.001);
    while (before < 0.5) {
        double length = nap_length(&nap);

        assert_true(length > before && length <= 0.5);
        before = length;
        assert_true(nap.taken < 5);
    }
    assert_true(nap_length(&nap) == 0.5);
}

static void test_wakes(void **state)
{
    struct nap nap = { .shortest = 0.25, .longest = 4 };

    (void)state;
    nap_length(&nap);
    nap_length(&nap);
    assert_true(nap.taken == 0.25 + 0.375);
    nap_wake(&nap);
    assert_true(nap.taken == 0);
    assert_true(nap_length(&nap) == 0.25);
}

/* A longest one that changes on the way holds at once. */
static void test_longest_changes(void **state)
{
    struct nap nap = { .shortest = 1, .longest = 8 };

    (void)state;
    for (int i = 0; i < 20; i++)
        nap_length(&nap);
    nap.longest = 2;
    assert_true(nap_length(&nap) == 2);
    nap.longest = 100;
    assert_true(nap_length(&nap) > 2);
}

static void test_sleeps(void **state)
{
    struct nap nap = { .shortest = 0.02, .longest = 0.02 };
    double began = clock_now();

    (void)state;
    nap_take(&nap);
    assert_true(clock_now() - began >= 0.02); /* a sleep may be longer, never shorter */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows),
        cmocka_unit_test(test_wakes),
        cmocka_unit_test(test_longest_changes),
        cmocka_unit_test(test_sleeps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
