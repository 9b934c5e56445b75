/* A DEST without a record, from the look at its files to the record that it gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "publish_case.h"
#include "resume/release.h"

/* All files there, hashed, and right. */
static void settle(struct job *job)
{
    publish_first(NULL);
    run_command("rm -r \"$PARENT/.dest.mpifetch\"");
    job_start(job, LATER, first, countof(first));
    assert_int_equal(job_look(job), 0);
    assert_int_equal(job->dir.existing.unsure, countof(first));
    for (size_t i = 0; i < countof(first); i++)
        memcpy(job->dir.existing.file[i].sha256, job->run.plan.files[i].want.bytes, 32);
    assert_int_equal(dir_settle(&job->dir, &job->err), 0);
    assert_true(job->dir.existing.complete);
    assert_int_equal(dir_claim(&job->dir, &job->err), 0);
}

static void end(struct job *job)
{
    release_staging(&job->run, RELEASE_REMOVE);
    job_end(job);
}

static void test_a_record_is_written(void **state)
{
    struct job job;
    char id[65];

    (void)state;
    settle(&job);
    assert_int_equal(dir_adopt(&job.dir, &job.err), 0);
    assert_true(job.dir.existing.unchanged);
    end(&job);
    assert_true(record_id_of(dest_path, id));
    assert_unchanged(first, countof(first));
}

/* Nothing that was found out holds of the directory that has the name then. */
static void assert_refused(const char *replace)
{
    struct job job;
    char id[65];

    settle(&job);
    run_command(replace);
    assert_int_equal(dir_adopt(&job.dir, &job.err), -1);
    assert_int_equal(job.err.code, ERR_DEST);
    assert_non_null(strstr(job.err.text, dest_path));
    assert_false(job.dir.existing.unchanged);
    end(&job);
    assert_false(record_id_of(dest_path, id));
}

static void test_another_directory(void **state)
{
    (void)state;
    assert_refused("cd \"$PARENT\" && mv dest away && cp -a away dest");
}

static void test_none_any_more(void **state)
{
    (void)state;
    assert_refused("mv \"$DEST\" \"$PARENT/away\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_record_is_written, publish_enter),
        cmocka_unit_test_setup(test_another_directory, publish_enter),
        cmocka_unit_test_setup(test_none_any_more, publish_enter),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
