/* publish/witness.c: a file that a node cannot open is not one that it does not see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "publish/witness.h"
#include "scratch_dir.h"

enum { SOMEBODY = 4321 };

static void look_at(const char *file, char found[65])
{
    struct run run = { .opt.dest = scratch_path };
    struct visibility_mark mark = { 0 };

    snprintf(mark.file, sizeof(mark.file), "%s", file);
    witness_look(&run, &mark, found);
}

static void test_file_that_may_not_be_read(void **state)
{
    char open[65], closed[65], missing[65];

    (void)state;
    put_file("file", "four");
    look_at("file", open);
    assert_string_not_equal(open, "");
    assert_int_equal(chmod("file", 0) | chmod(".", 0755), 0);
    if (getuid() == 0)
        assert_int_equal(seteuid(SOMEBODY), 0);
    look_at("file", closed);
    look_at("none", missing);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    assert_string_equal(closed, open);
    assert_string_equal(missing, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(
        test_file_that_may_not_be_read) };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
