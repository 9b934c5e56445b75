#include "fetch/segment_sums.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/text.h"
#include "io/sha256.h"

enum { UNIT = 1000, COUNT = 4 };

static char bytes[COUNT * UNIT];

/* However the bytes come, and wherever the file ends. */
static void each_segment_has_the_sum_of_its_bytes(void **state)
{
    const size_t ends[] = { 1, 999, 1000, 1001, 3000, 3001, 3999, 4000 };

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7 + i / 251);
    for (size_t i = 0; i < countof(ends); i++)
        for (size_t step = 1; step < 2500; step += 83) {
            uint32_t count = (uint32_t)((ends[i] + UNIT - 1) / UNIT);
            struct segment_sums sums;

            assert_int_equal(segment_sums_open(&sums, UNIT, count, NULL), 0);
            for (size_t at = 0; at < ends[i]; at += step)
                segment_sums_feed(&sums, bytes + at,
                                  ends[i] - at < step ? ends[i] - at : step);
            segment_sums_end(&sums);
            assert_int_equal(sums.done, count);
            for (size_t k = 0; k < count; k++) {
                size_t len = k + 1 < count ? UNIT : ends[i] - k * UNIT;

                assert_true(sums.value[k] == checksum_bytes(bytes + k * UNIT, len));
            }
            segment_sums_release(&sums);
        }
}

/* Of a task that was cut some bytes of others may have come. */
static void what_was_cut_off_does_not_matter(void **state)
{
    struct segment_sums sums;

    (void)state;
    assert_int_equal(segment_sums_open(&sums, UNIT, COUNT, NULL), 0);
    segment_sums_feed(&sums, bytes, 2 * UNIT + 17);
    segment_sums_end(&sums);
    for (size_t k = 0; k < 2; k++)
        assert_true(sums.value[k] == checksum_bytes(bytes + k * UNIT, UNIT));
    segment_sums_release(&sums);
    segment_sums_release(&sums);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_segment_has_the_sum_of_its_bytes),
        cmocka_unit_test(what_was_cut_off_does_not_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
