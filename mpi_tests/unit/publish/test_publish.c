/* One visible step, from each thing that may stand at DEST. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "fake_comm.h"
#include "publish_case.h"
#include "resume/release.h"

static const int64_t S = 1000000000;

static void test_first_time(void **state)
{
    struct job job;

    (void)state;
    job_start(&job, STAMP, first, countof(first));
    publish(&job, LAYOUT_RENAME);
    for (size_t i = 0; i < countof(first); i++)
        assert_true(look_in(dest_path, first[i].path).mtime_ns == STAMP * S);
    assert_beside("dest ");
    assert_unchanged(first, countof(first));
    job_end(&job);
}

static void test_into_an_empty_directory(void **state)
{
    struct job job;

    (void)state;
    assert_int_equal(mkdir(dest_path, 0700), 0);
    job_start(&job, STAMP, first, countof(first));
    publish(&job, LAYOUT_RENAME);
    assert_beside("dest ");
    job_end(&job);
}

/* The same bytes, the same name, whenever and from wherever they were published. */
static void test_the_content_id_tells_contents_apart(void **state)
{
    char id[65], elsewhere[128];
    struct job job;

    (void)state;
    publish_first(id);
    path_in(elsewhere, sizeof(elsewhere), parent_path, "elsewhere");
    job_start(&job, LATER, first, countof(first));
    job.run.opt.dest = elsewhere;
    job_publish(&job);
    assert_string_equal(job.dir.content_id, id);
    job_end(&job);
    job_start(&job, LATER, second, countof(second));
    job_publish(&job);
    assert_string_not_equal(job.dir.content_id, id);
    job_end(&job);
}

static void test_update(void **state)
{
    struct fs_info same, large, changed, changed_large;
    struct job job;

    (void)state;
    publish_first(NULL);
    same = look_in(dest_path, "same");
    large = look_in(dest_path, "sub/same-large");
    changed = look_in(dest_path, "changed");
    changed_large = look_in(dest_path, "sub/changed-large");
    job_start(&job, LATER, second, countof(second));
    publish(&job, LAYOUT_EXCHANGE);
    assert_int_equal(job.dir.existing.files, 3);
    assert_true(look_in(dest_path, "same").inode == same.inode);
    assert_true(look_in(dest_path, "same").mtime_ns == STAMP * S);
    assert_true(look_in(dest_path, "sub/same-large").inode == large.inode);
    assert_true(look_in(dest_path, "sub/same-large").mtime_ns == STAMP * S);
    assert_true(look_in(dest_path, "changed").inode != changed.inode);
    assert_true(look_in(dest_path, "changed").mtime_ns == LATER * S);
    assert_true(look_in(dest_path, "sub/changed-large").inode != changed_large.inode);
    assert_true(look_in(dest_path, "sub/changed-large").mtime_ns == LATER * S);
    assert_beside("dest ");
    assert_unchanged(second, countof(second)); /* although it has two ages */
    job_end(&job);
}

/* A reader that has the old tree open sees the old bytes to their end. */
static void test_an_update_changes_no_open_file(void **state)
{
    char path[128], text[8] = "";
    struct job job;
    int fd;

    (void)state;
    publish_first(NULL);
    path_in(path, sizeof(path), dest_path, "changed");
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    job_start(&job, LATER, second, countof(second));
    publish(&job, LAYOUT_EXCHANGE);
    job_end(&job);
    assert_int_equal(read(fd, text, sizeof(text) - 1), 3);
    assert_string_equal(text, "old");
    close(fd);
}

/* Somebody edited a published file: it is fetched again, not linked. */
static void test_a_touched_file_is_mended(void **state)
{
    char path[128];
    struct job job;

    (void)state;
    publish_first(NULL);
    path_in(path, sizeof(path), dest_path, "same");
    put_file(path, "ONE\n");
    job_start(&job, LATER, first, countof(first));
    publish(&job, LAYOUT_EXCHANGE);
    assert_int_equal(job.dir.existing.files, countof(first) - 1);
    job_end(&job);
}

/* force replaces what stands there, and nothing that it leads to. */
static void test_force(void **state)
{
    static const char *const commands[] = {
        "echo x >\"$DEST\"",
        "ln -s precious \"$DEST\"",
        "ln -s nowhere \"$DEST\"",
        "mkfifo \"$DEST\"",
        "cp -r \"$PARENT/precious\" \"$DEST\"",
    };
    char precious[128], *before;
    struct job job;

    (void)state;
    path_in(precious, sizeof(precious), parent_path, "precious");
    run_command("mkdir \"$PARENT/precious\" && echo x >\"$PARENT/precious/file\"");
    before = listing(precious);
    for (size_t i = 0; i < countof(commands); i++) {
        run_command(commands[i]);
        job_start(&job, LATER, second, countof(second));
        job.run.opt.force = true;
        publish(&job, LAYOUT_EXCHANGE);
        assert_int_equal(look_in(parent_path, "dest").kind, FS_DIRECTORY);
        assert_int_equal(job.dir.existing.files, 0);
        assert_beside("dest precious ");
        job_end(&job);
        run_command("rm -r \"$DEST\"");
    }
    assert_listing(precious, before);
}

/* Somebody else was faster: what was not there when we looked is not ours to replace. */
static void test_what_came_in_between_is_kept(void **state)
{
    static const char *const commands[] = {
        "echo theirs >\"$DEST\"",
        "mkdir \"$DEST\" && echo theirs >\"$DEST/theirs\"",
        "ln -s nowhere \"$DEST\"",
    };

    (void)state;
    for (size_t i = 0; i < countof(commands); i++) {
        struct job job;
        char *before;

        job_start(&job, STAMP, first, countof(first));
        assert_int_equal(job_look(&job), 0);
        assert_int_equal(job_build(&job), 0);
        job_fetch(&job);
        run_command(commands[i]);
        before = listing(dest_path);
        assert_int_equal(job_commit(&job), -1);
        assert_int_equal(job.err.code, ERR_DEST);
        assert_true(text_starts(job.err.text, "publishing: "));
        assert_non_null(strstr(job.err.text, dest_path));
        release_staging(&job.run, RELEASE_REMOVE);
        assert_beside("dest ");
        assert_listing(dest_path, before);
        run_command("rm -r \"$DEST\"");
        job_end(&job);
    }
}

/* A commit that fails before its one step leaves DEST as it was. */
static void test_a_failed_commit_shows_nothing(void **state)
{
    char path[256], *before;
    struct job job;

    (void)state;
    publish_first(NULL);
    before = listing(dest_path);
    job_start(&job, LATER, third, countof(third));
    assert_int_equal(job_look(&job), 0);
    assert_int_equal(job_build(&job), 0);
    job_fetch(&job);
    path_in(path, sizeof(path), job.run.staging.path, "record");
    put_file(path, "");
    assert_int_equal(job_commit(&job), -1);
    assert_int_equal(job.err.code, ERR_DEST);
    release_staging(&job.run, RELEASE_REMOVE);
    job_end(&job);
    assert_listing(dest_path, before);
    assert_beside("dest ");
}

struct watching {
    unsigned asked;
    const char *from; /* moved to DEST at the third question, NULL: never */
    bool give_up;
};

static bool is_interrupted(void *arg)
{
    struct watching *watch = arg;

    if (++watch->asked == 3 && watch->from)
        assert_int_equal(rename(watch->from, dest_path), 0);
    return watch->give_up;
}

static void test_seen(void **state)
{
    struct comm comm = { .node_first = true };
    struct watching watch = { .give_up = true };
    char moved[128];
    struct visibility_mark mark;
    struct job job;
    struct run run = { .keeper = true,
                       .ranks.comm = &comm,
                       .opt = { .dest = dest_path },
                       .published = dest_path,
                       .ranks.interrupted = is_interrupted,
                       .ranks.interrupted_arg = &watch };

    (void)state;
    job_start(&job, STAMP, first, countof(first));
    job_publish(&job);
    mark = job.mark;
    job_end(&job);
    assert_true(visibility_wait(&run, &mark));
    assert_int_equal(watch.asked, 0); /* at once */
    memcpy(mark.before, mark.present, sizeof(mark.before));
    mark.present[0] = mark.present[0] == '0' ? '1' : '0';
    assert_false(visibility_wait(&run, &mark)); /* still the old content here */
    comm.node_first = false;
    assert_true(visibility_wait(&run, &mark)); /* it is for another rank to look */
    comm.node_first = true;
    strcpy(mark.before, "neither");
    assert_true(visibility_wait(&run, &mark)); /* neither: another run was here since */
    path_in(moved, sizeof(moved), parent_path, "moved");
    assert_int_equal(rename(dest_path, moved), 0);
    assert_false(visibility_wait(&run, &mark));
    watch = (struct watching){ .from = moved };
    assert_true(visibility_wait(&run, &mark)); /* looks until it is there */
    assert_int_equal(watch.asked, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_first_time, publish_enter),
        cmocka_unit_test_setup(test_into_an_empty_directory, publish_enter),
        cmocka_unit_test_setup(test_the_content_id_tells_contents_apart, publish_enter),
        cmocka_unit_test_setup(test_update, publish_enter),
        cmocka_unit_test_setup(test_an_update_changes_no_open_file, publish_enter),
        cmocka_unit_test_setup(test_a_touched_file_is_mended, publish_enter),
        cmocka_unit_test_setup(test_force, publish_enter),
        cmocka_unit_test_setup(test_what_came_in_between_is_kept, publish_enter),
        cmocka_unit_test_setup(test_a_failed_commit_shows_nothing, publish_enter),
        cmocka_unit_test_setup(test_seen, publish_enter),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
