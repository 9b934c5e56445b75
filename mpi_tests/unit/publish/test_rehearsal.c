#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "publish/rehearsal.h"

/* words: NULL where the step may work. */
static void test_verdict(void **state)
{
    static const struct {
        int reason;
        enum layout_step step;
        const char *words;
    } rows[] = {
        { ENOTEMPTY, LAYOUT_EXCHANGE, NULL },
        { EEXIST, LAYOUT_EXCHANGE, NULL },
        { ENOTEMPTY, LAYOUT_RENAME, NULL },
        { EIO, LAYOUT_EXCHANGE, NULL }, /* says nothing of the step */
        { EBUSY, LAYOUT_EXCHANGE, "mount point" },
        { EBUSY, LAYOUT_RENAME, "mount point" },
        { EPERM, LAYOUT_FLIP, "sticky" },
        { EPERM, LAYOUT_SWAP_LINK, "sticky" },
        { EROFS, LAYOUT_RENAME, "read-only" },
        /* an empty directory is replaced, not moved */
        { EXDEV, LAYOUT_RENAME, NULL },
        { EACCES, LAYOUT_RENAME, NULL },
        { EACCES, LAYOUT_FLIP, NULL },
        { EXDEV, LAYOUT_EXCHANGE, "overlay" },
        { EXDEV, LAYOUT_SWAP_LINK, "overlay" },
        { EACCES, LAYOUT_EXCHANGE, "may not be written to" },
        { EACCES, LAYOUT_SWAP_LINK, "may not be written to" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        const char *words = rehearsal_verdict(rows[i].reason, rows[i].step);

        assert_int_equal(!words, !rows[i].words);
        if (words)
            assert_non_null(strstr(words, rows[i].words));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_verdict) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
