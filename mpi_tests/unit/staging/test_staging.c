/* staging/staging.c: names that some file systems take for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "resume/claim.h"
#include "resume/release.h"
#include "run_case.h"
#include "staging/staging.h"

static const struct run_file apart[] = { { "Data/a", "1", 0 }, { "Data/b", "2", 0 } };
static const struct run_file twins[] = { { "Data/a", "1", 0 }, { "data/A", "2", 0 } };

static void begin(struct run *run, const struct run_file *files, size_t count)
{
    struct err err = { 0 };

    run_case_open(run, "the destination", 1, files, count);
    if (staging_open_parent(run, scratch_path, &err) < 0 ||
        claim_take(run, "stage.", "0123456789abcdef", &err) != 0)
        fail_msg("%s", err.text);
}

static void end(struct run *run)
{
    release_staging(run, RELEASE_REMOVE);
    run_case_close(run);
}

/* A file system that does not tell case apart has TREE where tree was made. */
static void put_upper(const struct run *run)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/TREE", run->staging.path);
    assert_int_equal(fs_mkdir(NULL, path, 0700, NULL), 0);
}

static void test_twins_on_a_file_system_that_tells_them_apart(void **state)
{
    struct err err = { 0 };
    struct run run;

    (void)state;
    begin(&run, twins, countof(twins));
    if (staging_check_names(&run, &err) < 0)
        fail_msg("%s", err.text);
    end(&run);
}

static void test_twins_that_would_be_one_file(void **state)
{
    struct err err = { 0 };
    struct run run;

    (void)state;
    begin(&run, twins, countof(twins));
    put_upper(&run);
    assert_int_equal(staging_check_names(&run, &err), -1);
    assert_int_equal(err.code, ERR_DEST);
    assert_non_null(strstr(err.text, "'Data/a'"));
    assert_non_null(strstr(err.text, "'data/A'"));
    assert_non_null(strstr(err.text, "'the destination'"));
    end(&run);
}

/* Without twins such a file system is as good as any. */
static void test_no_twins(void **state)
{
    struct err err = { 0 };
    struct run run;

    (void)state;
    begin(&run, apart, countof(apart));
    put_upper(&run);
    if (staging_check_names(&run, &err) < 0)
        fail_msg("%s", err.text);
    end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twins_on_a_file_system_that_tells_them_apart),
        cmocka_unit_test(test_twins_that_would_be_one_file),
        cmocka_unit_test(test_no_twins),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
