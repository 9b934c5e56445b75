/* resume/resume.c, resume/journal.c and resume/leftovers.c: which segments of a new run
 * were left by former ones, and what of it may be used as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/text.h"
#include "resume/journal.h"
#include "resume/leftovers.h"
#include "resume/release.h"
#include "resume_case.h"

/* Two segments and a half, one segment, and a small one. */
static const struct run_file content[] = {
    { "large", "0123456789abcdef", 5 * MIB / 32 },
    { "dir/whole", "fedcba9876543210", MIB / 32 },
    { "small", "text", 0 },
};

static const struct run_file changed[] = {
    { "large", "0123456789abcdeF", 5 * MIB / 32 },
    { "dir/whole", "fedcba9876543210", MIB / 32 },
    { "small", "text", 0 },
};

static void begin(struct job *job, const struct run_file *files, size_t count)
{
    static char owner[] = "mpifetch owner 1\nprocess - - - 1 1\nend\n";

    job_start(job, STAMP, files, count);
    job->run.staging.owner = owner;
    if (job_look(job) < 0 || job_build(job) < 0)
        fail_msg("%s", job->err.text);
}

/* A run that fetched all and was then ended: released says how. */
static void leave_all(const struct run_file *files, size_t count, bool released)
{
    struct job job;

    begin(&job, files, count);
    job_fetch(&job);
    for (uint32_t s = 0; s < job.run.segments.count; s++)
        note(&job, s);
    if (released)
        release_staging(&job.run, RELEASE_HAND_OVER);
    else
        leftovers_mark(&job.run, false, NULL);
    job_end(&job);
}

/* A run that finds what is there, up to where segments are granted. */
static void go_on(struct job *job, const struct run_file *files, size_t count)
{
    job_start(job, LATER, files, count);
    assert_int_equal(job_look(job), 0);
    assert_int_equal(dir_claim(&job->dir, NULL), 0);
    assert_int_equal(resume_read(&job->run.staging.resume, &job->run, NULL), 0);
}

static uint64_t missing(const struct job *job)
{
    return resume_missing(job->run.staging.resume, job->dir.existing.file,
                          job->run.plan.nbytes - job->dir.existing.bytes);
}

static void place(struct job *job)
{
    if (dir_build(&job->dir, &job->err) < 0 ||
        resume_settle(job->run.staging.resume, &job->err) < 0)
        fail_msg("%s", job->err.text);
}

static void stop(struct job *job)
{
    resume_release(job->run.staging.resume);
    release_staging(&job->run, RELEASE_REMOVE);
    job_end(job);
    assert_beside("");
}

static void assert_where(const struct job *job, int large, int whole, int small)
{
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(where_of(job, segment_of(job, "large") + i), large);
    assert_int_equal(where_of(job, segment_of(job, "dir/whole")), whole);
    assert_int_equal(where_of(job, segment_of(job, "small")), small);
}

/* What a size of 8 MiB, and 8 MiB for files in one piece, become. */
static void assert_fit(const struct job *job, uint64_t size, uint64_t least)
{
    uint64_t got_size = 8 * MIB, got_least = 8 * MIB;

    resume_fit(job->run.staging.resume, &got_size, &got_least);
    assert_int_equal(got_size, size);
    assert_int_equal(got_least, least);
}

/* Nobody writes there any more: its files are renamed. */
static void test_what_was_released_is_moved(void **state)
{
    struct job job;

    (void)state;
    leave_all(content, countof(content), true);
    go_on(&job, content, countof(content));
    assert_fit(&job, MIB, MIB);
    assert_int_equal(missing(&job), 0);
    place(&job);
    assert_where(&job, 0, 0, 0);
    for (size_t i = 0; i < countof(content); i++)
        assert_content(job.run.staging.tree.path, &content[i]);
    stop(&job);
}

/* What DEST has by now needs no space, so that its lines take none from the rest. */
static void test_some_of_it_is_there(void **state)
{
    struct job job;

    (void)state;
    leave_all(content, countof(content), true);
    go_on(&job, content, countof(content));
    run_command("sed -i '/ 1048576 1048576 /d' "
                "\"$PARENT\"/.dest.mpifetch-*/run-*/kept/journal/*");
    resume_release(job.run.staging.resume);
    assert_int_equal(resume_read(&job.run.staging.resume, &job.run, NULL), 0);
    assert_int_equal(missing(&job), MIB);
    for (uint32_t i = 0; i < 3; i++) {
        if (segments_of(&job.run.segments, i) > 1)
            continue;
        job.dir.existing.file[i].there = true;
        job.dir.existing.bytes += job.run.plan.files[i].size;
    }
    assert_int_equal(missing(&job), MIB);
    stop(&job);
}

/* Lines of other lengths than this run would fetch: the longest that fits is taken. */
static void test_other_cuts(void **state)
{
    struct msg_item item = { 0 };
    struct journal *journal;
    struct job job;
    uint32_t large;

    (void)state;
    begin(&job, content, countof(content));
    job_fetch(&job);
    large = segment_of(&job, "large");
    assert_int_equal(journal_open(&journal, &job.run, NULL), 0);
    note_together(journal, &job, large, 2);
    note_together(journal, &job, large, 1);
    note_together(journal, &job, large + 1, 2);
    journal_close(journal);
    release_staging(&job.run, RELEASE_HAND_OVER);
    job_end(&job);
    go_on(&job, content, countof(content));
    place(&job);
    assert_int_equal(where_of(&job, large), 0);
    assert_true(resume_held(job.run.staging.resume, large, &item));
    assert_int_equal(item.segments, 2);
    /* What is left of the other line has no checksum of its own. */
    assert_int_equal(where_of(&job, large + 1), -1);
    assert_int_equal(where_of(&job, large + 2), -1);
    resume_forget(job.run.staging.resume, large);
    assert_int_equal(where_of(&job, large), -1);
    stop(&job);
}

/* Segments are as small as the lines want them, if that is possible; a line that fits
 * nowhere counts for nothing. */
static void test_fit(void **state)
{
    struct job job;

    (void)state;
    leave_all(content, countof(content), true);
    go_on(&job, content, countof(content));
    run_command("sed -i 's/ 1048576 1048576 / 524288 1048576 /' "
                "\"$PARENT\"/.dest.mpifetch-*/run-*/kept/journal/*");
    resume_release(job.run.staging.resume);
    assert_int_equal(resume_read(&job.run.staging.resume, &job.run, NULL), 0);
    assert_fit(&job, MIB, MIB);
    place(&job);
    assert_int_equal(where_of(&job, segment_of(&job, "large")), 0);
    assert_int_equal(where_of(&job, segment_of(&job, "large") + 1), -1);
    stop(&job);
    resume_fit(NULL, &(uint64_t){ 0 }, &(uint64_t){ 0 });
}

static void test_forgotten_is_fetched(void **state)
{
    struct job job;

    (void)state;
    leave_all(content, countof(content), true);
    go_on(&job, content, countof(content));
    place(&job);
    for (uint32_t s = 0; s < job.run.segments.count; s++)
        resume_forget(job.run.staging.resume, s);
    assert_where(&job, -1, -1, -1);
    stop(&job);
}

/* Its own entries count again, and those of the file that changed do not. */
static void test_the_source_changed(void **state)
{
    struct job job;

    (void)state;
    leave_all(content, countof(content), true);
    go_on(&job, changed, countof(changed));
    place(&job);
    assert_where(&job, -1, 0, 0);
    stop(&job);
}

/* A second name may be somebody's published file, so its bytes are copied. */
static void test_a_second_name(void **state)
{
    struct job job;

    (void)state;
    leave_all(content, countof(content), true);
    run_command("ln \"$PARENT\"/.dest.mpifetch-*/run-*/tree/large \"$PARENT/name\"");
    go_on(&job, content, countof(content));
    place(&job);
    assert_where(&job, 1, 0, 0);
    run_command("rm \"$PARENT/name\"");
    stop(&job);
}

static void test_another_size_on_disk(void **state)
{
    struct job job;

    (void)state;
    leave_all(content, countof(content), true);
    run_command("truncate -s 1000 \"$PARENT\"/.dest.mpifetch-*/run-*/tree/large");
    run_command("rm \"$PARENT\"/.dest.mpifetch-*/run-*/tree/small");
    go_on(&job, content, countof(content));
    place(&job);
    assert_where(&job, -1, 0, -1);
    stop(&job);
}

/* Whatever stands in a journal, the rest of it counts. */
static void test_torn_journals(void **state)
{
    struct job job;

    (void)state;
    leave_all(content, countof(content), true);
    run_command("cd \"$PARENT\"/.dest.mpifetch-*/run-*/journal && "
                "head -c 20 /dev/urandom >1 && mkdir 2 && ln -s /etc/passwd 3 && "
                "mkfifo 4 && "
                "printf '0123456789abcdef 0 99 0' >>0");
    go_on(&job, content, countof(content));
    place(&job);
    assert_where(&job, 0, 0, 0);
    stop(&job);
}

/* The entries of a journal of so many bytes, which must be the first of all. */
static void assert_torn(const char *path, const char *text, size_t len,
                        const struct journal_entry *all)
{
    struct journal_entry *found = NULL;
    size_t count = 0, lines = 0;
    char dir[sizeof(parent_path) + 8];
    struct fs_dir torn;

    assert_int_equal(fs_write_all(NULL, path, text, len, true, false, NULL), 0);
    assert_int_equal(truncate(path, (off_t)len), 0);
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    snprintf(dir, sizeof(dir), "%s/torn", parent_path);
    assert_int_equal(fs_dir_open(&torn, NULL, dir, NULL), 0);
    assert_int_equal(journal_read(&torn, &found, &count, NULL), 0);
    fs_dir_close(&torn);
    assert_int_equal(count, lines);
    for (size_t i = 0; i < count; i++)
        assert_true(found[i].key == all[i].key && found[i].offset == all[i].offset &&
                    found[i].len == all[i].len && found[i].sum == all[i].sum);
    free(found);
}

/* A line counts once its line feed is there, and not a byte sooner. */
static void test_torn_at_any_byte(void **state)
{
    struct journal_entry all[4];
    char path[sizeof(parent_path) + 32], text[countof(all) * JOURNAL_LINE];
    size_t len = 0;

    (void)state;
    run_command("mkdir -p \"$PARENT/torn/journal\"");
    snprintf(path, sizeof(path), "%s/torn/journal/0", parent_path);
    for (size_t i = 0; i < countof(all); i++) {
        all[i] = (struct journal_entry){
            .key = UINT64_MAX / (i + 1), .offset = i * MIB, .len = MIB + i, .sum = ~i
        };
        len += journal_line(text + len, &all[i]);
    }
    for (size_t i = 0; i <= len; i++)
        assert_torn(path, text, i, all);
}

/* With the mark of a visible step a tree is believed only if its manifest is of the run
 * that built it: else it is what DEST was, and others may read it. */
static void test_after_the_step(void **state)
{
    struct job job;

    (void)state;
    leave_all(content, countof(content), false);
    run_command("cd \"$PARENT\"/.dest.mpifetch-*/run-* && touch released");
    go_on(&job, content, countof(content));
    assert_null(job.run.staging.resume);
    place(&job);
    run_command("rm \"$PARENT\"/.dest.mpifetch-*/run-*/run-*/commit");
    stop(&job);
}

static void test_before_the_step(void **state)
{
    struct job job;

    (void)state;
    leave_all(content, countof(content), false);
    run_command(
        "cd \"$PARENT\"/.dest.mpifetch-*/run-* && touch released && "
        "mkdir tree/.mpifetch && printf '{\"format\": 1, \"identity\": \"%064d\", '"
        "'\"content_id\": \"%064d\", \"run\": \"%s\", \"files\": []}' 0 0 "
        "\"$(basename \"$PWD\")\" "
        ">tree/.mpifetch/manifest.json");
    go_on(&job, content, countof(content));
    place(&job);
    assert_where(&job, 0, 0, 0);
    stop(&job);
}

/* DEST was about to become a symlink when the run was killed: its tree lay among the
 * versions, and comes back. */
static void test_killed_before_the_flip(void **state)
{
    struct job job;

    (void)state;
    leave_all(content, countof(content), false);
    run_command(
        "cd \"$PARENT\"/.dest.mpifetch-*/run-* && touch released && "
        "mkdir tree/.mpifetch && printf '{\"format\": 1, \"identity\": \"%064d\", '"
        "'\"content_id\": \"%064d\", \"run\": \"%s\", \"files\": []}' 0 0 "
        "\"$(basename \"$PWD\")\" "
        ">tree/.mpifetch/manifest.json && ln -s .dest.versions/id link && "
        "mkdir \"$PARENT/.dest.versions\" && mv tree \"$PARENT/.dest.versions/id\"");
    go_on(&job, content, countof(content));
    place(&job);
    assert_where(&job, 0, 0, 0);
    run_command("rmdir \"$PARENT/.dest.versions\"");
    stop(&job);
}

/* Once it was shown somebody may be reading it. */
static void test_killed_after_the_flip(void **state)
{
    struct job job;

    (void)state;
    leave_all(content, countof(content), false);
    run_command(
        "cd \"$PARENT\"/.dest.mpifetch-*/run-* && touch released && "
        "mkdir tree/.mpifetch && printf '{\"format\": 1, \"identity\": \"%064d\", '"
        "'\"content_id\": \"%064d\", \"run\": \"%s\", \"files\": []}' 0 0 "
        "\"$(basename \"$PWD\")\" "
        ">tree/.mpifetch/manifest.json && "
        "mkdir \"$PARENT/.dest.versions\" && mv tree \"$PARENT/.dest.versions/id\"");
    go_on(&job, content, countof(content));
    place(&job);
    assert_where(&job, -1, -1, -1);
    run_command("test -e \"$PARENT/.dest.versions/id/large\" && "
                "rm -r \"$PARENT/.dest.versions\"");
    stop(&job);
}

/* What somebody put into DEST at the last moment is set aside, whoever cleans up. */
static void test_strangers_are_kept(void **state)
{
    struct job job;
    char *names;

    (void)state;
    leave_all(content, countof(content), false);
    run_command("cd \"$PARENT\"/.dest.mpifetch-*/run-* && touch released");
    go_on(&job, content, countof(content));
    resume_release(job.run.staging.resume);
    release_staging(&job.run, RELEASE_REMOVE);
    job_end(&job);
    names = output_of("cd \"$PARENT\" && find . -type f | sed 's/kept-[^/]*/kept-X/' | "
                      "LC_ALL=C sort | tr '\\n' ' '");
    assert_string_equal(names, "./.dest.kept-X/tree/dir/whole ./.dest.kept-X/tree/large "
                               "./.dest.kept-X/tree/small ");
    free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_was_released_is_moved, publish_enter),
        cmocka_unit_test_setup(test_some_of_it_is_there, publish_enter),
        cmocka_unit_test_setup(test_other_cuts, publish_enter),
        cmocka_unit_test_setup(test_fit, publish_enter),
        cmocka_unit_test_setup(test_forgotten_is_fetched, publish_enter),
        cmocka_unit_test_setup(test_the_source_changed, publish_enter),
        cmocka_unit_test_setup(test_a_second_name, publish_enter),
        cmocka_unit_test_setup(test_another_size_on_disk, publish_enter),
        cmocka_unit_test_setup(test_torn_journals, publish_enter),
        cmocka_unit_test_setup(test_torn_at_any_byte, publish_enter),
        cmocka_unit_test_setup(test_after_the_step, publish_enter),
        cmocka_unit_test_setup(test_before_the_step, publish_enter),
        cmocka_unit_test_setup(test_killed_before_the_flip, publish_enter),
        cmocka_unit_test_setup(test_killed_after_the_flip, publish_enter),
        cmocka_unit_test_setup(test_strangers_are_kept, publish_enter),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
