/* Whether a file is still the one that was looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "staging/existing.h"

static const struct fs_info seen = {
    .kind = FS_FILE, .size = 7, .mtime_ns = 100, .ctime_ns = 200, .inode = 3
};

static void test_still(void **state)
{
    static const struct {
        struct fs_info now;
        bool foreign, still;
    } rows[] = {
        { { FS_FILE, 7, 100, 200, .inode = 3 }, false, true },
        { { FS_FILE, 7, 100, 200, .inode = 3 }, true, true },
        /* a link was made to it */
        { { FS_FILE, 7, 100, 201, .inode = 3 }, false, true },
        { { FS_FILE, 7, 100, 201, .inode = 3 }, true, false },
        { { FS_FILE, 8, 100, 200, .inode = 3 }, false, false },
        { { FS_FILE, 7, 101, 200, .inode = 3 }, false, false },
        { { FS_FILE, 7, 100, 200, .inode = 4 }, false, false },
        { { FS_SYMLINK, 7, 100, 200, .inode = 3 }, false, false },
        { { FS_MISSING }, false, false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct existing_file known = { .foreign = rows[i].foreign };

        existing_note(&known, &seen);
        assert_int_equal(existing_is_still(&known, 7, &rows[i].now), rows[i].still);
    }
}

static void test_same(void **state)
{
    struct existing_file known = { .mtime_ns = 1, .ctime_ns = 2, .inode = 3 };
    struct existing_file now = known;

    (void)state;
    assert_true(existing_is_same(&known, &now));
    now.ctime_ns++;
    assert_true(existing_is_same(&known, &now));
    known.foreign = true;
    assert_false(existing_is_same(&known, &now));
    now = (struct existing_file){ .mtime_ns = 1, .ctime_ns = 2, .inode = 4 };
    assert_false(existing_is_same(&known, &now));
}

static void test_written(void **state)
{
    struct existing_file known = { 0 };
    struct fs_info now = seen;

    (void)state;
    existing_note(&known, &seen);
    assert_false(existing_is_written(&known, &now));
    now.mtime_ns++;
    assert_true(existing_is_written(&known, &now));
    now.inode++;
    assert_false(existing_is_written(&known, &now));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_still),
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
