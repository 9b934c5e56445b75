#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/plan/digest.h"

static void knows_lengths(void **state)
{
    (void)state;
    assert_int_equal(digest_length(&(struct digest){ .kind = DIGEST_NONE }), 0);
    assert_int_equal(digest_length(&(struct digest){ .kind = DIGEST_SHA256 }), 32);
    assert_int_equal(digest_length(&(struct digest){ .kind = DIGEST_GIT_BLOB }), 20);
    assert_int_equal(digest_length(&(struct digest){ .kind = 99 }), 0);
}

/* FIPS 180-4 5.3.3: the first 32 bits of the fractional parts of the square roots of the
 * first eight primes, found here with whole numbers only. */
static void starts_as_the_standard_says(void **state)
{
    static const uint32_t primes[] = { 2, 3, 5, 7, 11, 13, 17, 19 };
    struct midstate start = midstate_start();

    (void)state;
    assert_int_equal(start.bytes, 0);
    for (size_t i = 0; i < 8; i++) {
        uint64_t whole = 1, fraction = 0, rest;

        while ((whole + 1) * (whole + 1) <= primes[i])
            whole++;
        rest = primes[i] - whole * whole;
        /* the root digit by digit: (root * 2 + bit)^2 <= prime * 4^n */
        for (int bit = 0; bit < 32; bit++) {
            uint64_t root = whole << bit | fraction;

            rest *= 4;
            fraction *= 2;
            if (4 * root + 1 <= rest) {
                rest -= 4 * root + 1;
                fraction++;
            }
        }
        assert_int_equal(start.h[i], fraction);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_lengths),
        cmocka_unit_test(starts_as_the_standard_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
