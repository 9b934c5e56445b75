/* Which nodes are tried when, until one reaches the source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/sched/scout.h"

static void test_what_another_node_may_mend(void **state)
{
    static const struct {
        struct outcome outcome;
        bool needed;
    } rows[] = {
        { { .fault = NET_RESOLVE }, true },
        { { .fault = NET_CONNECT }, true },
        { { .fault = NET_TLS }, false },
        { { .fault = NET_CERT }, false },
        { { .fault = NET_TIMEOUT }, false },
        { { .fault = NET_CUT }, false },
        { { .status = 404 }, false },
        { { .status = 407 }, false }, /* of no proxy: somebody has answered */
        { { .status = 502, .retry_after = -1, .reset = -1 }, false },
        { { .status = 407, .proxied = true }, true },
        { { .status = 502, .retry_after = -1, .reset = -1, .proxied = true }, true },
        { { .status = 503, .retry_after = -1, .reset = -1, .proxied = true }, true },
        { { .status = 504, .retry_after = -1, .reset = -1, .proxied = true }, true },
        { { .status = 500, .retry_after = -1, .reset = -1, .proxied = true }, false },
        { { .status = 403, .retry_after = -1, .reset = -1, .proxied = true }, false },
        { { .status = 503, .retry_after = 5, .reset = -1, .proxied = true }, false },
        { { .status = 503, .retry_after = -1, .reset = 0, .proxied = true }, false },
        { { .fault = NET_LOCAL }, false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(scout_needed(&rows[i].outcome), rows[i].needed);
}

static void test_one_after_the_other(void **state)
{
    struct scout scout;

    (void)state;
    scout_begin(&scout, 4, 5);
    for (int node = 1; node < 4; node++) {
        assert_false(scout_over(&scout));
        assert_int_equal(scout_next(&scout, 5), node);
        assert_int_equal(scout_next(&scout, 5.9), -1); /* it may still answer */
        scout_failed(&scout);
    }
    assert_int_equal(scout_next(&scout, 6), -1);
    assert_true(scout_over(&scout));
}

/* How many of a thousand are tried by then, if none of them tells anything. */
static void test_silence(void **state)
{
    static const struct {
        double now;
        int tried;
    } rows[] = { { 0, 1 }, { 0.99, 1 }, { 1, 2 }, { 2, 4 }, { 5, 32 }, { 10, 999 } };
    struct scout scout;
    int tried = 0;

    (void)state;
    scout_begin(&scout, 1000, 0);
    for (size_t i = 0; i < countof(rows); i++) {
        while (scout_next(&scout, rows[i].now) >= 0)
            tried++;
        assert_int_equal(tried, rows[i].tried);
    }
    assert_false(scout_over(&scout));
    while (tried-- > 0)
        scout_failed(&scout);
    assert_true(scout_over(&scout));
}

static void test_nobody_else(void **state)
{
    struct scout scout;

    (void)state;
    scout_begin(&scout, 1, 0);
    assert_int_equal(scout_next(&scout, 0), -1);
    assert_true(scout_over(&scout));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_another_node_may_mend),
        cmocka_unit_test(test_one_after_the_other),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_nobody_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
