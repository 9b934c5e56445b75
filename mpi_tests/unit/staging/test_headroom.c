#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "staging/headroom.h"

#define MIB (UINT64_C(1) << 20)

static void test_what_fits(void **state)
{
    static const struct {
        uint64_t room, bytes;
        unsigned ranks;
        int fits;
    } rows[] = {
        { 164 * MIB, 100 * MIB, 1, 1 },
        { 164 * MIB - 1, 100 * MIB, 1, 0 },
        { 228 * MIB, 100 * MIB, 2, 1 },
        { 164 * MIB, 100 * MIB, 2, 0 },
        { 64 * MIB, 0, 2, 0 },
        { 63 * MIB, 0, 1, 0 },
        { UINT64_MAX, UINT64_C(1) << 62, 1024, 1 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        const struct memory_room room = { .bytes = rows[i].room };
        struct err err = { 0 };

        assert_int_equal(
            headroom_judge(&room, "/d", rows[i].bytes, rows[i].ranks, &err) == 0,
            rows[i].fits);
        assert_int_equal(err.code, rows[i].fits ? ERR_NONE : ERR_DEST);
    }
}

static void test_what_is_short_is_named(void **state)
{
    struct memory_room room = { .bytes = 80 * MIB, .limit = 200 * MIB };
    struct err err = { 0 };

    (void)state;
    headroom_judge(&room, "/dev/shm/model", 100 * MIB, 1, &err);
    assert_non_null(strstr(err.text, "'/dev/shm/model'"));
    assert_non_null(strstr(err.text, "164.00 MiB needed"));
    assert_non_null(strstr(err.text, "the node has only 80.00 MiB free"));
    strcpy(room.group, "/cg/job_5");
    err_clear(&err);
    headroom_judge(&room, "/dev/shm/model", 100 * MIB, 1, &err);
    assert_non_null(
        strstr(err.text, "control group '/cg/job_5' has only 80.00 MiB of 200.00 MiB"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_fits),
        cmocka_unit_test(test_what_is_short_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
