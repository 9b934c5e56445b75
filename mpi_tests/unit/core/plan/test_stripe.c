/* Stripes of Lustre: which files get how many, and what a directory says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/plan/stripe.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

static void counts(void **state)
{
    static const struct {
        struct stripe_policy policy;
        uint64_t size;
        unsigned osts, count;
    } rows[] = {
        { { STRIPE_AUTO, 0 }, 0, 0, 0 },
        { { STRIPE_AUTO, 0 }, 256 * MIB, 0, 0 },
        { { STRIPE_AUTO, 0 }, 256 * MIB + 1, 0, 2 },
        { { STRIPE_AUTO, 0 }, GIB, 0, 4 },
        { { STRIPE_AUTO, 0 }, 5 * GIB, 0, 20 },
        { { STRIPE_AUTO, 0 }, 5 * GIB, 6, 6 },
        { { STRIPE_AUTO, 0 }, 5 * GIB, 1, 0 },
        { { STRIPE_AUTO, 0 }, 8 * GIB, 0, 32 },
        { { STRIPE_AUTO, 0 }, UINT64_MAX, 1000, 32 },
        { { STRIPE_FIXED, 8 }, 16 * MIB - 1, 0, 0 },
        { { STRIPE_FIXED, 8 }, 16 * MIB, 0, 8 },
        { { STRIPE_FIXED, 1 }, GIB, 0, 1 }, /* asked for, whatever the directory says */
        { { STRIPE_FIXED, 100 }, 20 * MIB, 0, 20 },
        { { STRIPE_FIXED, 100 }, GIB, 0, 100 },
        { { STRIPE_FIXED, 100 }, GIB, 60, 60 },
        { { STRIPE_NONE, 0 }, GIB, 60, 0 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        unsigned count = stripe_count(&rows[i].policy, rows[i].size, rows[i].osts);

        if (count != rows[i].count)
            fail_msg("row %zu: %u", i, count);
    }
}

static void applies(void **state)
{
    static const struct {
        enum stripe_mode mode;
        bool own;
        enum stripe_kind kind;
        bool applies;
    } rows[] = {
        { STRIPE_AUTO, false, STRIPE_PLAIN, true },
        { STRIPE_AUTO, false, STRIPE_UNKNOWN, true },
        { STRIPE_AUTO, false, STRIPE_COMPOSITE, false },
        { STRIPE_AUTO, true, STRIPE_PLAIN, false },
        { STRIPE_FIXED, false, STRIPE_COMPOSITE, true },
        { STRIPE_FIXED, true, STRIPE_PLAIN, false },
        { STRIPE_FIXED, true, STRIPE_COMPOSITE, false },
        { STRIPE_NONE, false, STRIPE_PLAIN, false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        const struct stripe_policy policy = { rows[i].mode, 4 };
        const struct stripe_layout layout = { rows[i].kind, 1 };

        if (stripe_applies(&policy, rows[i].own, &layout) != rows[i].applies)
            fail_msg("row %zu", i);
    }
}

/* lustre_user.h: magic, pattern, two numbers of the object, size of a stripe, their
 * number, where they begin. */
struct md {
    uint32_t magic, pattern;
    uint64_t id, sequence;
    uint32_t stripe_size;
    uint16_t stripe_count, offset;
};

static void parses(void **state)
{
    static const struct {
        struct md md;
        size_t len;
        enum stripe_kind kind;
        unsigned count;
    } rows[] = {
        { { .magic = 0x0BD10BD0, .stripe_count = 4 }, 32, STRIPE_PLAIN, 4 },
        { { .magic = 0x0BD30BD0, .stripe_count = 0 }, 32, STRIPE_PLAIN, 0 },
        { { .magic = 0x0BD30BD0, .stripe_count = 0xffff }, 32, STRIPE_PLAIN, STRIPE_ALL },
        { { .magic = 0x0BD10BD0, .stripe_count = 4 }, 29, STRIPE_UNKNOWN, 0 },
        { { .magic = 0x0BD60BD0 }, 32, STRIPE_COMPOSITE, 0 },
        { { .magic = 0x0BD60BD0 }, 4, STRIPE_COMPOSITE, 0 },
        { { .magic = 0x0BD60BD0 }, 3, STRIPE_UNKNOWN, 0 },
        { { .magic = 0x12345678, .stripe_count = 4 }, 32, STRIPE_UNKNOWN, 0 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct stripe_layout layout = stripe_parse(&rows[i].md, rows[i].len);

        if (layout.kind != rows[i].kind || layout.count != rows[i].count)
            fail_msg("row %zu: %d %u", i, layout.kind, layout.count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),
        cmocka_unit_test(applies),
        cmocka_unit_test(parses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
