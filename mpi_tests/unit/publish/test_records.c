/* Which record is that of a tree, and what happens to the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "base/text.h"
#include "publish_case.h"
#include "resume/record_sweep.h"
#include "resume/release.h"
#include "staging/record_write.h"

static void assert_output(const char *command, const char *wanted)
{
    char *found = output_of(command);

    assert_string_equal(found, wanted);
    free(found);
}

static void assert_records(const char *count)
{
    assert_output("ls \"$PARENT/.dest.mpifetch\" 2>/dev/null | grep -c ^run- || true",
                  count);
}

static enum record_place place_of(const char *dest)
{
    struct record record = { .place = RECORD_NONE };
    struct manifest head;

    if (record_load_dest_head(&head, dest, &record, NULL) < 0)
        record.place = RECORD_NONE;
    manifest_release(&head);
    return record.place;
}

static void assert_is(const char *id)
{
    char found[65] = "none";

    record_id_of(dest_path, found);
    assert_string_equal(found, id);
}

static void publish_as(enum run_records records, bool versions)
{
    struct job job;

    job_start(&job, STAMP, first, countof(first));
    job.run.opt.records = records;
    job.run.opt.versions = versions;
    job_publish(&job);
    job_end(&job);
}

static void test_places(void **state)
{
    (void)state;
    publish_as(RUN_RECORDS_DEFAULT, false);
    assert_int_equal(place_of(dest_path), RECORD_BESIDE);
    assert_output("find \"$DEST\" ! -type d | wc -l", "6\n");
    run_command("mv \"$DEST\" \"$PARENT/../gone\""); /* its number stays in use */
    publish_as(RUN_RECORDS_INSIDE, false);
    assert_int_equal(place_of(dest_path), RECORD_INSIDE);
    assert_output("ls \"$DEST/.mpifetch\" | tr '\\n' ' '", "SHA256SUMS manifest.json ");
    assert_output("ls -A \"$PARENT\"", "dest\n"); /* what described nothing is gone */
    run_command("rm -r \"$DEST\"");
    publish_as(RUN_RECORDS_NONE, false);
    assert_int_equal(place_of(dest_path), RECORD_NONE);
    assert_output("find \"$DEST\" ! -type d | wc -l; ls -A \"$PARENT\"", "6\ndest\n");
}

/* By what the directory itself is, whatever happened to files in it. */
static void test_by_identity(void **state)
{
    struct job job;

    (void)state;
    publish_as(RUN_RECORDS_BESIDE, false);
    run_command("echo other >\"$DEST/same\"; touch -d @1 \"$DEST/changed\"");
    assert_int_equal(place_of(dest_path), RECORD_BESIDE);
    job_start(&job, LATER, first, countof(first));
    assert_int_equal(job_look(&job), 0);
    assert_int_equal(job.dir.dest, LAYOUT_OURS);
    assert_int_equal(job.dir.existing.files, countof(first) - 2);
    job_end(&job);
}

static void sweep(void)
{
    struct fs_dir parent = { 0 };

    assert_int_equal(fs_dir_open(&parent, NULL, parent_path, NULL), 0);
    record_sweep(&parent, dest_path, false);
    fs_dir_close(&parent);
}

/* A copy with its times, as rsync -a makes it: only all of the files together tell. */
static void test_by_all_files(void **state)
{
    (void)state;
    publish_as(RUN_RECORDS_BESIDE, false);
    run_command("cp -a \"$DEST\" \"$PARENT/copy\" && rm -r \"$DEST\" && "
                "mv \"$PARENT/copy\" \"$DEST\"");
    assert_int_equal(place_of(dest_path), RECORD_BESIDE);
    assert_unchanged(first, countof(first));
    sweep();
    assert_unchanged(first, countof(first));
    run_command("touch -d @1 \"$DEST/empty\"");
    assert_int_equal(place_of(dest_path), RECORD_NONE);
}

/* By the number alone a directory is known only together with its files. */
static void test_without_a_time_of_birth(void **state)
{
    (void)state;
    publish_as(RUN_RECORDS_BESIDE, false);
    run_command("cd \"$PARENT\"/.dest.mpifetch/run-* && "
                "sed -i 's/\\(\"tree\": \"[0-9]*\\) [0-9]*\"/\\1 0\"/' manifest.json && "
                "grep -q '\"tree\": \"[0-9]* 0\"' manifest.json");
    assert_int_equal(place_of(dest_path), RECORD_BESIDE);
    run_command("touch -d @1 \"$DEST/same\"");
    assert_int_equal(place_of(dest_path), RECORD_BESIDE);
    run_command("cd \"$DEST\" && touch -d @1 same changed empty gone/file");
    assert_int_equal(place_of(dest_path), RECORD_NONE);
}

/* Two that agree with everything and do not say the same. */
static void test_several(void **state)
{
    (void)state;
    publish_as(RUN_RECORDS_BESIDE, false);
    run_command("cp -a \"$DEST\" \"$PARENT/copy\" && rm -r \"$DEST\" && "
                "mv \"$PARENT/copy\" \"$DEST\" && cd \"$PARENT/.dest.mpifetch\" && "
                "cp -r run-* run-copied");
    assert_int_equal(place_of(dest_path), RECORD_BESIDE); /* twice the same */
    run_command(
        "cd \"$PARENT/.dest.mpifetch/run-copied\" && "
        "sed -i 's/\"content_id\": \"../&00/; s/\\(content_id\": \"[^\"]*\\)..\"/\\1\"/' "
        "manifest.json");
    assert_int_equal(place_of(dest_path), RECORD_NONE);
    run_command("cd \"$PARENT/.dest.mpifetch/run-copied\" && "
                "sed -i '/\"path\":\"same\"/d' manifest.json");
    assert_int_equal(place_of(dest_path), RECORD_BESIDE); /* the one that says more */
}

/* What a run puts beside DEST before its step is not believed of what is there still. */
#define UNBORN "sed -i 's/\\(\"tree\": \"[0-9]*\\) [0-9]*\"/\\1 0\"/' manifest.json"
#define OTHER_TREE "sed -i 's/\"tree\": \"[0-9]* /\"tree\": \"1 /' manifest.json"

/* Two that agree with everything, of contents that followed each other within a second: the
 * number of the directory decides, if it is one that time of birth cannot judge. */
static void test_several_and_the_number(void **state)
{
    char id[65];

    (void)state;
    publish_as(RUN_RECORDS_BESIDE, false);
    assert_true(record_id_of(dest_path, id));
    run_command(
        "cd \"$PARENT\"/.dest.mpifetch && cd run-* && " UNBORN
        " && cd .. && cp -r run-* copied && mv copied run-copied && cd run-copied && "
        "sed -i 's/\"content_id\": \"../&00/; s/\\(content_id\": \"[^\"]*\\)..\"/\\1\"/'"
        " manifest.json && " OTHER_TREE);
    assert_is(id);
    run_command("cd \"$PARENT\"/.dest.mpifetch && for run in run-*; do "
                "(cd $run && " OTHER_TREE "); done");
    assert_int_equal(place_of(dest_path), RECORD_NONE);
}

static void test_killed_before_the_step(void **state)
{
    char id[65], id2[65];
    struct record_draft draft;
    struct job job;

    (void)state;
    publish_first(id);
    job_start(&job, LATER, second, countof(second));
    assert_int_equal(job_look(&job), 0);
    assert_int_equal(job_build(&job), 0);
    job_fetch(&job);
    draft = record_draft(&job.run, job.dir.existing.file, job.dir.identity);
    assert_int_equal(record_write(&draft, id2, NULL), 0);
    assert_records("2\n");
    assert_is(id);
    record_sweep(&job.run.staging.parent, dest_path, false); /* as another run does */
    assert_records("2\n");
    run_command("cd \"$PARENT\" && mv dest old && mv .dest.mpifetch-*/run-*/tree dest");
    assert_is(id2);
    run_command("cd \"$PARENT\" && mv dest \"$(echo .dest.mpifetch-*/run-*)/tree\" && mv "
                "old dest");
    release_staging(&job.run, RELEASE_REMOVE);
    job_end(&job);
    assert_records("1\n");
    assert_is(id);
}

static void test_one_for_each_tree(void **state)
{
    struct job job;

    (void)state;
    publish_first(NULL);
    for (int round = 0; round < 3; round++) {
        job_start(&job, LATER + round, round % 2 ? first : second, countof(first));
        job.run.opt.versions = round > 0;
        job_publish(&job);
        assert_is(job.dir.content_id);
        job_end(&job);
        assert_records(round < 2 ? "1\n" : "2\n");
    }
}

static void test_mode_of_dest(void **state)
{
    (void)state;
    run_command("mkdir -m 0700 \"$DEST\"");
    publish_as(RUN_RECORDS_BESIDE, false);
    assert_output("cd \"$PARENT\" && stat -c %a dest .dest.mpifetch .dest.mpifetch/run-* "
                  ".dest.mpifetch/run-*/*",
                  "700\n700\n700\n600\n600\n");
}

/* What others have put under that name is neither followed nor written to. */
static void test_not_through_a_link(void **state)
{
    (void)state;
    run_command("mkdir \"$PARENT/home\" && ln -s home \"$PARENT/.dest.mpifetch\"");
    publish_as(RUN_RECORDS_BESIDE, false);
    assert_output("ls \"$PARENT/home\" | wc -l", "0\n");
    assert_int_equal(place_of(dest_path), RECORD_NONE);
}

static void test_what_is_not_ours_stays(void **state)
{
    (void)state;
    publish_as(RUN_RECORDS_BESIDE, false);
    run_command(
        "cd \"$PARENT/.dest.mpifetch\" && mkdir run-notes && echo x >run-notes/x && "
        "cp -r run-?????? run-copied && echo mine >text");
    run_command("rm -r \"$DEST\"");
    publish_as(RUN_RECORDS_NONE, false);
    assert_output("cd \"$PARENT/.dest.mpifetch\" && ls -d run-notes/x run-copied text",
                  "run-copied\nrun-notes/x\ntext\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_places, publish_enter),
        cmocka_unit_test_setup(test_by_identity, publish_enter),
        cmocka_unit_test_setup(test_by_all_files, publish_enter),
        cmocka_unit_test_setup(test_without_a_time_of_birth, publish_enter),
        cmocka_unit_test_setup(test_several, publish_enter),
        cmocka_unit_test_setup(test_several_and_the_number, publish_enter),
        cmocka_unit_test_setup(test_killed_before_the_step, publish_enter),
        cmocka_unit_test_setup(test_one_for_each_tree, publish_enter),
        cmocka_unit_test_setup(test_mode_of_dest, publish_enter),
        cmocka_unit_test_setup(test_not_through_a_link, publish_enter),
        cmocka_unit_test_setup(test_what_is_not_ours_stays, publish_enter),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
