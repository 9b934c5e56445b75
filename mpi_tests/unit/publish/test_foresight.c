#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "publish/foresight.h"
#include "scratch_dir.h"
#include "staging/staging.h"

static struct run run_to(char dest[128], const char *name)
{
    snprintf(dest, 128, "%s/%s", scratch_path, name);
    return (struct run){ .opt = { .dest = dest } };
}

/* Nothing is made: the directory that would be made into is judged. */
static void test_what_is_above(void **state)
{
    struct err err = { 0 };
    char dest[128];
    struct run run = run_to(dest, "one/two/model");

    (void)state;
    assert_int_equal(foresight_open(&run, &err), 0);
    assert_string_equal(run.staging.parent.path, scratch_path);
    assert_int_equal(access("one", F_OK), -1);
    staging_close(&run);
    assert_int_equal(mkdir("one", 0777), 0);
    assert_int_equal(foresight_open(&run, &err), 0);
    assert_non_null(strstr(run.staging.parent.path, "/one"));
    staging_close(&run);
    assert_int_equal(rmdir("one"), 0);
}

static void test_what_is_no_directory(void **state)
{
    struct err err = { 0 };
    char dest[128];
    struct run run = run_to(dest, "file/two/model");

    (void)state;
    put_file("file", "");
    assert_int_equal(foresight_open(&run, &err), -1);
    assert_int_equal(err.code, ERR_DEST);
    assert_non_null(strstr(err.text, "/file' is not a directory"));
    assert_non_null(strstr(err.text, "/file/two/model'"));
}

/* Of DEST itself, not of its neighbours. */
static void test_what_is_left(void **state)
{
    char dest[128];
    struct run run = run_to(dest, "model");

    (void)state;
    assert_int_equal(mkdir(".other.mpifetch-0123456789abcdef", 0777), 0);
    assert_int_equal(mkdir("model", 0777), 0);
    assert_int_equal(foresight_open(&run, NULL), 0);
    assert_false(foresight_has_leftovers(&run));
    assert_int_equal(mkdir(".model.mpifetch-0123456789abcdef", 0777), 0);
    assert_true(foresight_has_leftovers(&run));
    staging_close(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_above),
        cmocka_unit_test(test_what_is_no_directory),
        cmocka_unit_test(test_what_is_left),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
