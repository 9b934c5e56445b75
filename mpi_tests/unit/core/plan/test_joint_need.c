/* Whether what several sources lack has room together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/plan/joint_need.h"

enum { MOST = 3 };

static void test_rooms(void **state)
{
    static const struct {
        struct joint_need need[MOST];
        size_t first; /* MOST: they fit */
        uint64_t bytes;
    } rows[] = {
        { { { 1, 10, 4 }, { 1, 10, 6 } }, MOST, 0 },
        { { { 1, 10, 4 }, { 1, 10, 7 } }, 0, 11 },
        { { { 1, 10, 4 }, { 2, 10, 7 } }, MOST, 0 }, /* of another file system */
        { { { 1, 10, 4 }, { 2, 5, 3 }, { 2, 5, 3 } }, 1, 6 },
        { { { 1, 10, 11 } }, 0, 11 },
        { { { 1, 0, 0 }, { 1, 0, 0 } }, MOST, 0 },
        { { { 1, UINT64_MAX, 1 }, { 1, UINT64_MAX, 1 } }, MOST, 0 }, /* not told */
        /* others write meanwhile */
        { { { 1, 1000, 500 }, { 1, 990, 600 } }, 0, 1100 },
        /* a quota of each place */
        { { { 1, 1000, 500 }, { 1, 900, 600 } }, MOST, 0 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        size_t first = MOST;
        uint64_t bytes = 0;

        if (joint_need_fits(rows[i].need, MOST, &first, &bytes) !=
            (rows[i].first == MOST))
            fail_msg("row %zu", i);
        assert_int_equal(first, rows[i].first);
        assert_int_equal(bytes, rows[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rooms) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
