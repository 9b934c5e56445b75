#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/state/stall.h"

enum { MOST = 4 };

/* How many looks find it stalled, one after the other, while the loop stands still. */
static unsigned looks_until(struct stall *stall, unsigned turns)
{
    unsigned looks = 1;

    while (!stall_look(stall, turns))
        assert_true(looks++ < 10 * MOST);
    return looks;
}

static void test_stalled_after_so_many_looks(void **state)
{
    struct stall stall = { .most = MOST, .turns = 7 };

    (void)state;
    assert_int_equal(looks_until(&stall, 7), MOST);
    assert_true(stall_look(&stall, 7)); /* and stays so */
}

static void test_a_turn_begins_anew(void **state)
{
    struct stall stall = { .most = MOST };
    unsigned turns = 0;

    (void)state;
    for (int round = 0; round < 100; round++) {
        for (int i = 1; i < MOST; i++)
            assert_false(stall_look(&stall, turns));
        assert_false(stall_look(&stall, ++turns));
    }
    assert_int_equal(looks_until(&stall, turns), MOST);
}

static void test_the_number_may_come_round(void **state)
{
    struct stall stall = { .most = MOST, .turns = UINT32_MAX };

    (void)state;
    assert_int_equal(looks_until(&stall, UINT32_MAX), MOST);
    assert_false(stall_look(&stall, 0));
}

static void test_never(void **state)
{
    struct stall stall = { .most = 0 };

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_false(stall_look(&stall, 0));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stalled_after_so_many_looks),
        cmocka_unit_test(test_a_turn_begins_anew),
        cmocka_unit_test(test_the_number_may_come_round),
        cmocka_unit_test(test_never),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
