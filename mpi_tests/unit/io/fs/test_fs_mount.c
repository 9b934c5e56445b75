/* io/fs/fs_mount.c: what is decided of a file system by its kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "io/fs/fs_mount.h"

static void test_whose_sync_is_that_of_files(void **state)
{
    enum { EXT4 = 0xef53, XFS = 0x58465342, NFS = 0x6969, FUSE = 0x65735546 };
    static const struct {
        uint32_t kind;
        const char *release;
        bool suits;
    } rows[] = {
        { EXT4, "6.1.0-18-amd64", true },
        { XFS, "5.17.0-rc1", true },
        { EXT4, "5.16.20", false },
        { XFS, "4.18.0-513.el8.x86_64", false },
        { EXT4, "10.0", true },
        { NFS, "6.1.0", false },
        { FUSE, "6.1.0", false },
        { 0x0bd00bd0, "6.1.0", false }, /* Lustre */
        { EXT4, "6", false },
        { EXT4, "", false },
        { EXT4, "gnu-6.1", false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(fs_syncs_files_suits(rows[i].kind, rows[i].release),
                         rows[i].suits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whose_sync_is_that_of_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
