/* What stands at DEST, and the staging tree beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "publish_case.h"
#include "resume/release.h"

static const struct run_file files[] = {
    { "a/b.c/d", "1", 0 },     { "a/b/c", "22", 0 },
    { "a/b/c2", "333", 0 },    { "a/empty", "", 0 },
    { "a-b/c", "4444", 0 },    { "top", "55555", 0 },
    { "void", "", 0 },         { "x/y/z/large", "0123456789abcdef", 65537 },
    { "x/y/z/small", "6", 0 },
};

static void publish_all(void)
{
    struct job job;

    job_start(&job, STAMP, files, countof(files));
    job_publish(&job);
    job_end(&job);
}

static void test_nothing_there(void **state)
{
    char *before;
    struct job job;

    (void)state;
    before = listing(parent_path);
    job_start(&job, STAMP, files, countof(files));
    assert_int_equal(job_look(&job), 0);
    assert_int_equal(job.dir.dest, LAYOUT_MISSING);
    assert_false(job.dir.existing.unchanged);
    assert_int_equal(job.dir.existing.files, 0);
    assert_int_equal(job.dir.existing.bytes, 0);
    assert_listing(parent_path, before); /* a look writes nothing */
    job_end(&job);
}

/* Parents that are missing as well are made, but not before something is to be built. */
static void test_parents_are_made(void **state)
{
    char path[128];
    struct job job;

    (void)state;
    path_in(path, sizeof(path), parent_path, "p/q/dest");
    job_start(&job, STAMP, files, countof(files));
    job.run.opt.dest = path;
    assert_int_equal(job_look(&job), 0);
    assert_int_equal(look_in(parent_path, "p").kind, FS_MISSING);
    assert_int_equal(job_build(&job), 0);
    assert_true(text_starts(job.run.staging.path, parent_path));
    assert_int_equal(look_in(parent_path, "p/q").kind, FS_DIRECTORY);
    release_staging(&job.run, RELEASE_REMOVE);
    job_end(&job);
}

static void test_the_staged_tree(void **state)
{
    char *found, command[512];
    struct job job;

    (void)state;
    job_start(&job, STAMP, files, countof(files));
    assert_int_equal(job_look(&job), 0);
    assert_int_equal(job_build(&job), 0);
    assert_int_equal(job.dir.how.step, LAYOUT_RENAME);
    snprintf(
        command, sizeof(command),
        "cd '%s' && LC_ALL=C find . -printf '%%P:%%y:%%s:%%Ts ' | sed 's/:d:[^ ]*//g' | "
        "tr ' ' '\\n' | LC_ALL=C sort | sed 's/large:f:1048592:.*/large/'",
        job.run.staging.tree.path);
    found = output_of(command);
    assert_string_equal(found, "\na\na-b\na/b\na/b.c\na/empty:f:0:1700000000\n"
                               "void:f:0:1700000000\nx\nx/y\nx/y/z\nx/y/z/large\n");
    free(found);
    release_staging(&job.run, RELEASE_REMOVE);
    job_end(&job);
}

/* Nobody else may look into what is not whole yet; what will be published has the rights
 * that the umask gives. */
static void test_rights_of_staging(void **state)
{
    mode_t before = umask(0027);
    struct job job;
    struct stat st;

    (void)state;
    job_start(&job, STAMP, files, countof(files));
    assert_int_equal(job_look(&job), 0);
    assert_int_equal(job_build(&job), 0);
    umask(before);
    assert_int_equal(stat(job.run.staging.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(job.run.staging.tree.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0750);
    release_staging(&job.run, RELEASE_REMOVE);
    job_end(&job);
}

static void test_staging_is_discarded(void **state)
{
    struct job job;

    (void)state;
    release_staging(&(struct run){ 0 }, RELEASE_REMOVE); /* none was made */
    job_start(&job, STAMP, files, countof(files));
    assert_int_equal(job_look(&job), 0);
    assert_int_equal(job_build(&job), 0);
    job_fetch(&job);
    job.run.keeper = false; /* it is the keeper's to remove */
    release_staging(&job.run, RELEASE_REMOVE);
    assert_int_equal(look_in(job.run.staging.tree.path, "top").kind, FS_FILE);
    job.run.keeper = true;
    release_staging(&job.run, RELEASE_REMOVE);
    assert_beside("");
    release_staging(&job.run, RELEASE_REMOVE);
    job_end(&job);
}

static void test_ours_and_the_same(void **state)
{
    char *before;
    struct job job;

    (void)state;
    publish_all();
    before = listing(parent_path);
    job_start(&job, LATER, files, countof(files));
    assert_int_equal(job_look(&job), 0);
    assert_int_equal(job.dir.dest, LAYOUT_OURS);
    assert_true(job.dir.existing.unchanged);
    assert_int_equal(job.dir.existing.files, countof(files));
    assert_int_equal(job.dir.existing.bytes, job.run.plan.nbytes);
    job_end(&job);
    assert_listing(parent_path, before);
}

/* One file fewer, one more, another digest, one touched: each makes it another tree. */
static void test_ours_but_not_the_same(void **state)
{
    struct run_file changed[countof(files)];
    char path[128];
    struct job job;

    (void)state;
    publish_all();
    job_start(&job, LATER, files, countof(files) - 1);
    assert_int_equal(job_look(&job), 0);
    assert_false(job.dir.existing.unchanged);
    assert_int_equal(job.dir.existing.files, countof(files) - 1);
    job_end(&job);
    memcpy(changed, files, sizeof(files));
    changed[5].text = "66666";
    job_start(&job, LATER, changed, countof(files));
    assert_int_equal(job_look(&job), 0);
    assert_false(job.dir.existing.unchanged);
    assert_int_equal(job.dir.existing.files, countof(files) - 1);
    assert_int_equal(job.dir.existing.bytes, job.run.plan.nbytes - 5);
    job_end(&job);
    path_in(path, sizeof(path), dest_path, "a/b/c");
    put_file(path, "2!"); /* the size is as it was, the time is not */
    job_start(&job, LATER, files, countof(files));
    assert_int_equal(job_look(&job), 0);
    assert_false(job.dir.existing.unchanged);
    assert_int_equal(job.dir.existing.files, countof(files) - 1);
    job_end(&job);
}

/* Between the look and the build a file of the old tree may go, or a file system may have
 * no hard links: the tree is whole all the same. */
static void test_what_cannot_be_linked_is_made(void **state)
{
    static const char *const names[] = { "a/empty", "x/y/z/large", "top" };
    char path[128];
    struct job job;

    (void)state;
    publish_all();
    job_start(&job, LATER, files, countof(files));
    job.run.opt.force = true;
    assert_int_equal(job_look(&job), 0);
    for (size_t i = 0; i < countof(names); i++) {
        path_in(path, sizeof(path), dest_path, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(job_build(&job), 0);
    assert_int_equal(job.dir.existing.files, countof(files) - countof(names));
    job_fetch(&job);
    assert_int_equal(job_commit(&job), 0);
    assert_published(files, countof(files), job.dir.content_id);
    job_end(&job);
}

/* The refusal names DEST and the way out, and nothing in the parent has changed. */
static void assert_refused(void)
{
    char *before = listing(parent_path);
    struct job job;

    job_start(&job, LATER, files, countof(files));
    assert_int_equal(job_look(&job), -1);
    assert_int_equal(job.dir.dest, LAYOUT_FOREIGN);
    assert_int_equal(job.err.code, ERR_DEST);
    assert_non_null(strstr(job.err.text, dest_path));
    assert_non_null(strstr(job.err.text, "--force"));
    job_end(&job);
    assert_listing(parent_path, before);
}

static void test_what_is_not_ours_is_refused(void **state)
{
    char path[128], manifest[128];

    (void)state;
    put_file(dest_path, "precious");
    assert_refused();
    assert_int_equal(unlink(dest_path), 0);
    assert_int_equal(mkfifo(dest_path, 0600), 0);
    assert_refused();
    assert_int_equal(unlink(dest_path), 0);
    path_in(path, sizeof(path), parent_path, "elsewhere");
    assert_int_equal(symlink(path, dest_path), 0);
    assert_refused(); /* dangling */
    assert_int_equal(mkdir(path, 0777), 0);
    assert_refused(); /* to an empty directory */
    assert_int_equal(unlink(dest_path), 0);
    assert_int_equal(symlink(".dest.versions/../elsewhere", dest_path), 0);
    assert_refused();
    assert_int_equal(unlink(dest_path), 0);
    assert_int_equal(mkdir(dest_path, 0777), 0);
    path_in(path, sizeof(path), dest_path, ".hidden");
    put_file(path, "");
    assert_refused();
    path_in(path, sizeof(path), dest_path, ".mpifetch");
    assert_int_equal(mkdir(path, 0777), 0);
    path_in(manifest, sizeof(manifest), path, "manifest.json");
    put_file(manifest, "{}");
    assert_refused();
}

/* A symlink to a tree that is ours is somebody's own arrangement. */
static void test_a_link_to_ours_is_not_ours(void **state)
{
    char moved[128];

    (void)state;
    publish_all();
    path_in(moved, sizeof(moved), parent_path, "moved");
    assert_int_equal(rename(dest_path, moved), 0);
    assert_int_equal(symlink("moved", dest_path), 0);
    assert_refused();
}

static void test_too_large_for_the_disk(void **state)
{
    const struct plan_entry entry = { .path = "f", .key = "f", .size = 1ULL << 60 };
    char parent[120];
    struct job job = { .run = { .keeper = true,
                                .ranks.size = 1,
                                .opt = { .dest = dest_path },
                                .ranks.interrupted = run_case_goes_on } };

    (void)state;
    assert_int_equal(plan_add(&job.run.plan, &entry, NULL), 0);
    assert_int_equal(plan_seal(&job.run.plan, NULL), 0);
    assert_int_equal(job_look(&job), 0);
    assert_int_equal(job_build(&job), -1);
    assert_int_equal(job.err.code, ERR_DEST);
    snprintf(parent, sizeof(parent), "not enough space in '%s': ", parent_path);
    assert_true(text_starts(job.err.text, parent));
    assert_non_null(strstr(job.err.text, "B free, 1.00 EiB needed for '"));
    assert_non_null(strstr(job.err.text, dest_path));
    release_staging(&job.run, RELEASE_HAND_OVER);
    job_end(&job);
    assert_beside("");
}

/* Bytes that are there already need no room. */
static void test_room_is_for_what_is_missing(void **state)
{
    struct job job;

    (void)state;
    publish_all();
    job_start(&job, LATER, files, countof(files));
    assert_int_equal(job_look(&job), 0);
    job.run.plan.nbytes += 1ULL << 60;
    job.dir.existing.bytes += 1ULL << 60;
    assert_int_equal(job_build(&job), 0);
    release_staging(&job.run, RELEASE_REMOVE);
    job_end(&job);
}

/* A file of the Hub needs its metadata as well, as the Hub's library writes it: commit,
 * entity tag, a time that is not before the file's own. */
static void test_metadata_of_the_hub(void **state)
{
    static const char commit[] = "00112233445566778899aabbccddeeff00112233";
    char path[256], want[128];
    struct job job;

    (void)state;
    job_start(&job, STAMP, files, countof(files));
    plan_set(&job.run.plan, &job.run.plan.repo, "models/acme/demo", NULL);
    plan_set(&job.run.plan, &job.run.plan.revision, commit, NULL);
    job_publish(&job);
    job_end(&job);
    snprintf(want, sizeof(want), "%s\n\"tag\"\n%d.0\n", commit, STAMP);
    for (size_t i = 0; i < countof(files); i++) {
        snprintf(path, sizeof(path), "%s/.cache/huggingface/download/%s.metadata",
                 dest_path, files[i].path);
        assert_file(path, want);
        assert_true(look_in(dest_path, files[i].path).mtime_ns == STAMP * 1000000000LL);
    }
    path_in(path, sizeof(path), dest_path, ".cache/huggingface/.gitignore");
    assert_file(path, "*");
    job_start(&job, LATER, files, countof(files)); /* it is no part of the content */
    plan_set(&job.run.plan, &job.run.plan.repo, "models/acme/demo", NULL);
    assert_int_equal(job_look(&job), 0);
    assert_true(job.dir.existing.unchanged);
    job_end(&job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing_there, publish_enter),
        cmocka_unit_test_setup(test_parents_are_made, publish_enter),
        cmocka_unit_test_setup(test_the_staged_tree, publish_enter),
        cmocka_unit_test_setup(test_rights_of_staging, publish_enter),
        cmocka_unit_test_setup(test_staging_is_discarded, publish_enter),
        cmocka_unit_test_setup(test_ours_and_the_same, publish_enter),
        cmocka_unit_test_setup(test_ours_but_not_the_same, publish_enter),
        cmocka_unit_test_setup(test_what_cannot_be_linked_is_made, publish_enter),
        cmocka_unit_test_setup(test_what_is_not_ours_is_refused, publish_enter),
        cmocka_unit_test_setup(test_a_link_to_ours_is_not_ours, publish_enter),
        cmocka_unit_test_setup(test_too_large_for_the_disk, publish_enter),
        cmocka_unit_test_setup(test_room_is_for_what_is_missing, publish_enter),
        cmocka_unit_test_setup(test_metadata_of_the_hub, publish_enter),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
