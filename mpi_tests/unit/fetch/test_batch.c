/* fetch/batch.c: when a batch of small files goes to the pool. */
#include "fetch/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"

static void test_due(void **state)
{
    static const struct {
        unsigned count;
        uint64_t bytes;
        double age;
        bool alone, due;
    } rows[] = {
        { 0, 0, 99, true, false },                /* nothing is never due */
        { 1, 10, 0, false, false },               /* more may come */
        { 1, 10, 0, true, true },                 /* nothing else comes */
        { 1, 10, 1, false, true },                /* it has waited */
        { BATCH_TASKS - 1, 10, 0, false, false }, /* one more fits */
        { BATCH_TASKS, 10, 0, false, true },      /* full by number */
        { 2, BATCH_BYTES - 1, 0, false, false },
        { 2, BATCH_BYTES, 0, false, true }, /* full by size */
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(
            batch_is_due(rows[i].count, rows[i].bytes, rows[i].age, rows[i].alone),
            rows[i].due);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_due) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
