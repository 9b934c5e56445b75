/* DEST as a symlink to one of several trees beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "publish_case.h"
#include "resume/release.h"

static void assert_link(const char *id)
{
    char want[128], *found = output_of("readlink \"$DEST\"");

    snprintf(want, sizeof(want), ".dest.versions/%s\n", id);
    assert_string_equal(found, want);
    free(found);
}

/* The names in .dest.versions, one or two of them. */
static void assert_versions(const char *one, const char *other)
{
    char *found = output_of("LC_ALL=C ls -A \"$PARENT/.dest.versions\"");
    struct strbuf want = { 0 };

    if (other && strcmp(other, one) < 0) {
        const char *swapped = one;

        one = other;
        other = swapped;
    }
    strbuf_addf(&want, "%s\n", one);
    if (other)
        strbuf_addf(&want, "%s\n", other);
    assert_string_equal(found, want.data);
    free(found);
    strbuf_release(&want);
}

/* Beside the version that is there. */
static void publish_second(struct job *job)
{
    job_start(job, LATER, second, countof(second));
    job->run.opt.versions = true;
    publish(job, LAYOUT_FLIP);
}

static void test_versions(void **state)
{
    char ids[3][65];
    struct fs_info same;
    struct job job;

    (void)state;
    job_start(&job, STAMP, first, countof(first));
    job.run.opt.versions = true;
    publish(&job, LAYOUT_FLIP);
    memcpy(ids[0], job.dir.content_id, 65);
    assert_link(ids[0]);
    assert_versions(ids[0], NULL);
    assert_beside(".dest.versions dest ");
    same = look_in(dest_path, "same");
    job_end(&job);
    assert_unchanged(first, countof(first));

    job_start(&job, LATER, second, countof(second)); /* a link stays one, asked or not */
    publish(&job, LAYOUT_FLIP);
    memcpy(ids[1], job.dir.content_id, 65);
    assert_int_equal(job.dir.existing.files, 3);
    assert_true(look_in(dest_path, "same").inode == same.inode);
    assert_link(ids[1]);
    assert_versions(ids[0], ids[1]); /* for readers of the one before */
    assert_beside(".dest.versions dest ");
    job_end(&job);

    job_start(&job, LATEST, third, countof(third));
    job.run.opt.versions = true;
    publish(&job, LAYOUT_FLIP);
    memcpy(ids[2], job.dir.content_id, 65);
    assert_link(ids[2]);
    assert_versions(ids[1], ids[2]);
    assert_beside(".dest.versions dest ");
    job_end(&job);
}

/* A tree that a job may be reading is not touched, though its content comes back: the
 * same content gets another name beside it. */
static void test_back_to_the_version_before(void **state)
{
    static const char *const behind[] = { "", "", ".1", ".1", "", "" };
    char names[2][72];

    (void)state;
    for (unsigned i = 0; i < countof(behind); i++) {
        bool odd = i % 2 == 1;
        struct job job;

        job_start(&job, STAMP + i, odd ? second : first,
                  odd ? countof(second) : countof(first));
        job.run.opt.versions = true;
        publish(&job, LAYOUT_FLIP);
        snprintf(names[odd], sizeof(names[odd]), "%s%s", job.dir.content_id, behind[i]);
        assert_link(names[odd]);
        assert_versions(names[0], i ? names[1] : NULL);
        assert_beside(".dest.versions dest ");
        job_end(&job);
    }
}

/* DEST leads to the very content that is published, but its tree is damaged. Whoever
 * reads it goes on reading it. */
static void test_a_damaged_version_is_replaced(void **state)
{
    char path[128], damaged[192], name[72];
    struct job job;

    (void)state;
    job_start(&job, STAMP, first, countof(first));
    job.run.opt.versions = true;
    publish(&job, LAYOUT_FLIP);
    path_in(path, sizeof(path), dest_path, "changed");
    put_file(path, "OLD");
    snprintf(damaged, sizeof(damaged), "%s/.dest.versions/%.64s", parent_path,
             job.dir.content_id);
    job_end(&job);

    job_start(&job, LATER, first, countof(first));
    publish(&job, LAYOUT_FLIP);
    assert_int_equal(job.dir.existing.files, countof(first) - 1);
    snprintf(name, sizeof(name), "%s.1", job.dir.content_id);
    assert_link(name);
    assert_versions(job.dir.content_id, name);
    job_end(&job);
    path_in(path, sizeof(path), damaged, "changed");
    assert_file(path, "OLD");
}

/* Two runs at a time: what the other one has put there since is not swept away, nor what
 * DEST leads to when we clean up. */
static void test_a_later_version_is_not_swept(void **state)
{
    char later[96];
    struct job job;

    (void)state;
    job_start(&job, STAMP, first, countof(first));
    job.run.opt.versions = true;
    publish(&job, LAYOUT_FLIP);
    job_end(&job);
    job_start(&job, LATER, second, countof(second));
    assert_int_equal(job_look(&job), 0);
    assert_int_equal(job_build(&job), 0);
    job_fetch(&job);
    assert_int_equal(dir_commit(&job.dir, &job.mark, &job.err), 0);
    path_in(later, sizeof(later), parent_path, ".dest.versions/later");
    assert_int_equal(mkdir(later, 0777), 0);
    run_command("ln -sfn .dest.versions/later \"$DEST\"");
    dir_clean(&job.dir);
    assert_int_equal(look_in(later, ".").kind, FS_DIRECTORY);
    assert_link("later");
    job_end(&job);
}

/* A whole tree of that content among the versions, under that name. */
static void put_version(const struct run_file *files, size_t count, const char *name)
{
    char command[512];
    struct job job;

    job_start(&job, STAMP, files, count);
    job.run.opt.versions = true;
    publish(&job, LAYOUT_FLIP);
    snprintf(
        command, sizeof(command),
        "rm \"$DEST\" && cd \"$PARENT/.dest.versions\" && mv -T %s tmp && mv -T tmp '%s'",
        job.dir.version, name);
    run_command(command);
    job_end(&job);
}

/* An earlier version, and no DEST. */
static void leave_version(char id[65])
{
    publish_first(id);
    run_command("rm -r \"$DEST\"");
    put_version(first, countof(first), id);
}

/* Only what a manifest of ours vouches for, by the name that it has there. */
static void test_what_others_keep_there(void **state)
{
    static const char all_there[] =
        "cd \"$PARENT\" && find . -path ./.dest.mpifetch -prune "
        "-o -printf '%P %y %i %l\\n' | "
        "LC_ALL=C sort";
    char id[65], name[160], *before, *after;
    struct strbuf moved = { 0 };
    struct job job;

    (void)state;
    publish_first(id); /* tells the id of that content */
    run_command("rm -r \"$DEST\"");
    snprintf(name, sizeof(name), "%s.x", id);
    put_version(first, countof(first), name);
    snprintf(name, sizeof(name), "%s.01", id);
    put_version(first, countof(first), name);
    put_version(first, countof(first), "by-another-name");
    snprintf(name, sizeof(name), "%.63s%c", id, id[63] == '0' ? '1' : '0');
    put_version(first, countof(first), name);
    snprintf(name, sizeof(name), "%s.7", id);
    put_version(first, countof(first), name);
    strbuf_addf(&moved,
                "cd \"$PARENT/.dest.versions\" && mkdir -p notes/more && touch file "
                "notes/more/x && mv %s.7 ../elsewhere && ln -s ../elsewhere %s.7 && "
                "mkdir %s.8",
                id, id, id);
    run_command(moved.data);
    strbuf_release(&moved);
    before =
        output_of("ls \"$PARENT/.dest.versions\" | wc -l"); /* none went on the way */
    assert_string_equal(before, "8\n");
    free(before);
    before = output_of(all_there);

    publish_second(&job);
    strbuf_addf(&moved, "rm -r \"$DEST\" \"$PARENT/.dest.versions/%s\"",
                job.dir.content_id);
    run_command(moved.data);
    strbuf_release(&moved);
    job_end(&job);
    after = output_of(all_there);
    assert_string_equal(after, before);
    free(before);
    free(after);
}

/* With the number that a run gives it where the same content is published again. */
static void test_numbered_versions_are_swept(void **state)
{
    char id[65], name[80];
    struct job job;

    (void)state;
    publish_first(id);
    run_command("rm -r \"$DEST\"");
    snprintf(name, sizeof(name), "%s.12", id);
    put_version(first, countof(first), name);
    put_version(first, countof(first), id);
    publish_second(&job);
    assert_versions(job.dir.content_id, NULL);
    assert_beside(".dest.versions dest ");
    job_end(&job);
}

/* What somebody wrote into an earlier version keeps it: --force speaks of DEST. */
static void test_files_of_others_in_a_version(void **state)
{
    char id[65], command[256];
    struct job job;

    (void)state;
    leave_version(id);
    snprintf(command, sizeof(command), "echo mine >\"$PARENT/.dest.versions/%s/sub/x\"",
             id);
    run_command(command);
    publish_second(&job);
    assert_versions(id, job.dir.content_id);
    assert_beside(".dest.versions dest ");
    job_end(&job);
    job_start(&job, LATEST, third, countof(third));
    job.run.opt.force = true;
    publish(&job, LAYOUT_FLIP);
    snprintf(command, sizeof(command), "grep -q mine \"$PARENT/.dest.versions/%s/sub/x\"",
             id);
    run_command(command);
    job_end(&job);
}

/* His to remove, whatever its record says. */
static void test_a_version_of_another_user(void **state)
{
    char id[65], command[256];
    struct job job;

    (void)state;
    leave_version(id);
    snprintf(command, sizeof(command), "chown 65534 \"$PARENT/.dest.versions/%s\"", id);
    run_command(command);
    publish_second(&job);
    assert_versions(id, job.dir.content_id);
    job_end(&job);
}

/* The sweep is the affair of whoever published last. */
static void test_nothing_is_swept_after_another_publish(void **state)
{
    char id[65];
    struct job job;

    (void)state;
    leave_version(id);
    job_start(&job, LATER, second, countof(second));
    job.run.opt.versions = true;
    assert_int_equal(job_look(&job), 0);
    assert_int_equal(job_build(&job), 0);
    job_fetch(&job);
    assert_int_equal(dir_commit(&job.dir, &job.mark, &job.err), 0);
    run_command("ln -sfn .dest.versions/theirs \"$DEST\"");
    dir_clean(&job.dir);
    assert_versions(id, job.dir.content_id);
    job_end(&job);
}

/* Killed in mid sweep: a version that DEST leads to by then goes back to its place, what
 * others wrote into another one is set aside. */
static void test_swept_by_a_dead_run(void **state)
{
    static const char all_there[] =
        "cd \"$PARENT\" && ls -A | sed 's/kept-.*/kept-X/' | tr '\\n' ' ' && "
        "cat .dest.kept-*/tree/mine .dest.versions/back/x";
    struct job job;
    char *found;

    (void)state;
    job_start(&job, LATER, second, countof(second));
    assert_int_equal(job_look(&job), 0);
    assert_int_equal(job_build(&job), 0);
    run_command(
        "mkdir \"$PARENT/.dest.versions\" && "
        "ln -s .dest.versions/back \"$DEST\" && "
        "cd \"$PARENT\"/.dest.mpifetch-*/run-* && mkdir swept-back swept-other && "
        "echo back >swept-back/x && echo theirs >swept-other/mine");
    release_staging(&job.run, RELEASE_REMOVE);
    job_end(&job);
    found = output_of(all_there);
    assert_string_equal(found, ".dest.kept-X .dest.versions dest theirs\nback\n");
    free(found);
}

/* Somebody else's directory, with a link to it where the versions belong. */
static void plant_link(void)
{
    run_command("mkdir -p \"$PARENT/home/work\" && touch \"$PARENT/home/work/text\" && "
                "rm -rf \"$PARENT/.dest.versions\" && "
                "ln -s home \"$PARENT/.dest.versions\"");
}

static void assert_home_untouched(void)
{
    char *found =
        output_of("cd \"$PARENT/home\" && find . | LC_ALL=C sort | tr '\\n' ' '");

    assert_string_equal(found, ". ./work ./work/text ");
    free(found);
}

static void assert_refused(const struct job *job)
{
    assert_int_equal(job->err.code, ERR_DEST);
    assert_non_null(strstr(job->err.text, ".dest.versions' is a symbolic link"));
}

static void test_a_link_in_place_of_the_versions(void **state)
{
    struct job job;

    (void)state;
    plant_link();
    job_start(&job, STAMP, first, countof(first));
    job.run.opt.versions = true;
    assert_int_equal(job_look(&job), 0);
    assert_int_equal(job_build(&job), -1);
    assert_refused(&job);
    release_staging(&job.run, RELEASE_REMOVE);
    job_end(&job);
    assert_home_untouched();
    assert_beside(".dest.versions home ");
}

static void test_a_link_planted_while_fetching(void **state)
{
    struct job job;

    (void)state;
    job_start(&job, STAMP, first, countof(first));
    job.run.opt.versions = true;
    assert_int_equal(job_look(&job), 0);
    assert_int_equal(job_build(&job), 0);
    job_fetch(&job);
    plant_link();
    assert_int_equal(job_commit(&job), -1);
    assert_refused(&job);
    release_staging(&job.run, RELEASE_REMOVE);
    job_end(&job);
    assert_home_untouched();
    assert_beside(".dest.versions home ");
}

/* What stands behind the link is a version by every other mark. */
static void test_a_link_planted_before_the_sweep(void **state)
{
    char id[65];
    struct job job;

    (void)state;
    leave_version(id);
    job_start(&job, LATER, second, countof(second));
    job.run.opt.versions = true;
    assert_int_equal(job_look(&job), 0);
    assert_int_equal(job_build(&job), 0);
    job_fetch(&job);
    assert_int_equal(dir_commit(&job.dir, &job.mark, &job.err), 0);
    run_command("mv \"$PARENT/.dest.versions\" \"$PARENT/home\" && "
                "ln -s home \"$PARENT/.dest.versions\"");
    dir_clean(&job.dir);
    assert_versions(id, job.dir.content_id);
    job_end(&job);
}

static void test_a_version_whose_record_is_gone(void **state)
{
    char before[65];
    struct job job;

    (void)state;
    job_start(&job, STAMP, first, countof(first));
    job.run.opt.versions = true;
    publish(&job, LAYOUT_FLIP);
    memcpy(before, job.dir.content_id, sizeof(before));
    job_end(&job);
    run_command("rm -r \"$PARENT/.dest.mpifetch\"");
    job_start(&job, LATER, second, countof(second));
    publish(&job, LAYOUT_FLIP);
    assert_int_equal(job.dir.existing.files, 0);
    assert_versions(before, job.dir.content_id);
    job_end(&job);
}

static void test_versions_from_a_directory(void **state)
{
    struct fs_info same;
    struct job job;

    (void)state;
    publish_first(NULL);
    same = look_in(dest_path, "same");
    job_start(&job, LATER, second, countof(second));
    job.run.opt.versions = true;
    publish(&job, LAYOUT_SWAP_LINK);
    assert_link(job.dir.content_id);
    assert_versions(job.dir.content_id, NULL);
    assert_true(look_in(dest_path, "same").inode == same.inode);
    assert_beside(".dest.versions dest ");
    job_end(&job);
}

static void test_versions_into_an_empty_directory(void **state)
{
    struct job job;

    (void)state;
    assert_int_equal(mkdir(dest_path, 0777), 0);
    job_start(&job, STAMP, first, countof(first));
    job.run.opt.versions = true;
    publish(&job, LAYOUT_FLIP);
    assert_link(job.dir.content_id);
    assert_beside(".dest.versions dest ");
    job_end(&job);
}

/* The first link must not replace what somebody made while we were fetching. */
static void test_what_came_in_between_is_kept(void **state)
{
    struct job job;

    (void)state;
    job_start(&job, STAMP, first, countof(first));
    job.run.opt.versions = true;
    assert_int_equal(job_look(&job), 0);
    assert_int_equal(job_build(&job), 0);
    job_fetch(&job);
    put_file(dest_path, "theirs");
    assert_int_equal(job_commit(&job), -1);
    assert_int_equal(job.err.code, ERR_DEST);
    assert_non_null(strstr(job.err.text, dest_path));
    assert_file(dest_path, "theirs");
    release_staging(&job.run, RELEASE_REMOVE);
    job_end(&job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_versions, publish_enter),
        cmocka_unit_test_setup(test_back_to_the_version_before, publish_enter),
        cmocka_unit_test_setup(test_a_damaged_version_is_replaced, publish_enter),
        cmocka_unit_test_setup(test_a_later_version_is_not_swept, publish_enter),
        cmocka_unit_test_setup(test_what_others_keep_there, publish_enter),
        cmocka_unit_test_setup(test_numbered_versions_are_swept, publish_enter),
        cmocka_unit_test_setup(test_files_of_others_in_a_version, publish_enter),
        cmocka_unit_test_setup(test_a_version_of_another_user, publish_enter),
        cmocka_unit_test_setup(test_nothing_is_swept_after_another_publish,
                               publish_enter),
        cmocka_unit_test_setup(test_swept_by_a_dead_run, publish_enter),
        cmocka_unit_test_setup(test_a_link_in_place_of_the_versions, publish_enter),
        cmocka_unit_test_setup(test_a_link_planted_while_fetching, publish_enter),
        cmocka_unit_test_setup(test_a_link_planted_before_the_sweep, publish_enter),
        cmocka_unit_test_setup(test_a_version_whose_record_is_gone, publish_enter),
        cmocka_unit_test_setup(test_versions_from_a_directory, publish_enter),
        cmocka_unit_test_setup(test_versions_into_an_empty_directory, publish_enter),
        cmocka_unit_test_setup(test_what_came_in_between_is_kept, publish_enter),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
