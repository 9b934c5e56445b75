/* What is removed of a staging on a file system that does not do what it should, and what
 * stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>

#include "base/text.h"
#include "publish_case.h"
#include "resume/leftovers.h"
#include "resume/rescue.h"

/* The file system of a test. */
static struct {
    bool is;             /* for the time of a removal */
    const char **listed; /* names in the staging that are listed and are not there */
    bool refilled;       /* whenever the staging is listed somebody makes a file in it */
    unsigned at, lists;  /* in the listing; listings so far */
    const char *stuck;   /* a name that cannot be given */
} odd;

enum { LISTS_MOST = 20000 }; /* none of the tests has a use for as many */

static bool is_odd(DIR *dir)
{
    char link[64], path[256], *run;
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd(dir));
    n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    run = odd.is ? strstr(path, "/run-") : NULL;
    return run && !strchr(run + 1, '/');
}

static struct dirent *more_of(DIR *dir)
{
    static struct dirent entry;
    int fd;

    if (odd.listed && odd.listed[odd.at]) {
        snprintf(entry.d_name, sizeof(entry.d_name), "%s", odd.listed[odd.at++]);
        return &entry;
    }
    odd.at = 0;
    if (++odd.lists > LISTS_MOST)
        fail_msg("a directory is listed without end");
    if (odd.refilled && (fd = openat(dirfd(dir), "late", O_WRONLY | O_CREAT, 0644)) >= 0)
        close(fd);
    return NULL;
}

struct dirent *readdir(DIR *dir)
{
    struct dirent *(*real)(DIR * dir);
    void *found = dlsym(RTLD_NEXT, "readdir");
    struct dirent *entry;

    memcpy(&real, &found, sizeof(real));
    entry = real(dir);
    return entry || errno || !is_odd(dir) ? entry : more_of(dir);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    int (*real)(int from_dir, const char *from, int to_dir, const char *to,
                unsigned flags);
    void *found = dlsym(RTLD_NEXT, "renameat2");

    memcpy(&real, &found, sizeof(real));
    if (odd.stuck && strcmp(to, odd.stuck) == 0) {
        errno = EACCES;
        return -1;
    }
    return real(from_dir, from, to_dir, to, flags);
}

static int enter(void **state)
{
    memset(&odd, 0, sizeof(odd));
    return publish_enter(state);
}

/* With a staging in which nothing is yet. */
static void begin(struct job *job)
{
    job_start(job, LATER, second, countof(second));
    job->run.ranks.log.level = LOG_WARN;
    assert_int_equal(job_look(job), 0);
    assert_int_equal(job_build(job), 0);
}

static int remove_staging(struct job *job)
{
    const struct run_staging *staging = &job->run.staging;
    const struct leftovers_removal removal = { &job->run, &staging->parent, dest_path,
                                               true };
    int rc;

    odd.is = true;
    rc = leftovers_remove(&removal, &staging->dir, &job->err);
    odd.is = false;
    return rc;
}

/* The same, and what is said on the way, in the current directory. */
static int remove_aloud(struct job *job)
{
    int saved = dup(STDERR_FILENO), rc;
    int fd = open("said", O_WRONLY | O_CREAT | O_TRUNC, 0644);

    assert_true(saved >= 0 && fd >= 0);
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
    rc = remove_staging(job);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(fd);
    return rc;
}

static void assert_said(const char *words)
{
    char *text;
    size_t len;

    assert_int_equal(fs_read_all(NULL, "said", 1 << 20, &text, &len, NULL), 0);
    if (!strstr(text, words))
        fail_msg("'%s' is not in '%s'", words, text);
    free(text);
}

static void test_names_that_are_gone_already(void **state)
{
    static const char *gone[] = {
        "old", "run-abcdef", "kept", "swept-x", ".nfs01", NULL
    };
    struct job job;

    (void)state;
    begin(&job);
    odd.listed = gone;
    if (remove_staging(&job) < 0)
        fail_msg("%s", job.err.text);
    assert_false(fs_is_there(&job.run.staging.dir, "."));
    job_end(&job);
}

static void test_a_file_that_comes_again_and_again(void **state)
{
    struct job job;

    (void)state;
    begin(&job);
    odd.refilled = true;
    assert_int_equal(remove_staging(&job), -1);
    assert_int_equal(job.err.code, ERR_DEST);
    assert_non_null(strstr(job.err.text, job.run.staging.dir.path));
    assert_true(fs_is_there(&job.run.staging.dir, "owner"));
    job_end(&job);
}

/* A published version that a sweep has moved to the staging of a job, and that DEST is led
 * to then. */
static void sweep_first(struct job *job, char name[80])
{
    char command[512];
    struct job published;

    job_start(&published, STAMP, first, countof(first));
    published.run.opt.versions = true;
    publish(&published, LAYOUT_FLIP);
    snprintf(name, 80, "swept-%s", published.dir.version);
    job_end(&published);
    begin(job);
    snprintf(command, sizeof(command),
             "cd \"$PARENT\"/.dest.mpifetch-*/run-* && "
             "mv \"$PARENT/.dest.versions/%s\" ./%s",
             name + strlen("swept-"), name);
    run_command(command);
}

static void test_a_shown_version_goes_back(void **state)
{
    struct job job;
    char name[80];

    (void)state;
    sweep_first(&job, name);
    assert_int_equal(remove_staging(&job), 0);
    assert_content(dest_path, &first[0]);
    job_end(&job);
}

static void test_a_shown_version_that_cannot_go_back(void **state)
{
    char name[80], place[FS_NAME];
    struct job job;

    (void)state;
    sweep_first(&job, name);
    odd.stuck = name + strlen("swept-");
    assert_int_equal(remove_aloud(&job), -1);
    fs_format(place, "%s/%s", job.run.staging.dir.path, name);
    assert_said(place);
    assert_said(dest_path);
    assert_content(place, &first[0]);
    assert_true(fs_is_there(&job.run.staging.dir, "owner"));
    odd.stuck = NULL; /* a later attempt */
    assert_int_equal(remove_staging(&job), 0);
    assert_content(dest_path, &first[0]);
    job_end(&job);
}

/* The content came back while it was away, so DEST leads to the version beside. */
static void test_a_version_that_was_made_again(void **state)
{
    char name[80], command[512];
    struct job job;

    (void)state;
    sweep_first(&job, name);
    snprintf(command, sizeof(command),
             "cp -a \"$PARENT\"/.dest.mpifetch-*/run-*/%s \"$PARENT/.dest.versions/%s\"",
             name, name + strlen("swept-"));
    run_command(command);
    assert_int_equal(remove_staging(&job), 0);
    assert_content(dest_path, &first[0]);
    job_end(&job);
}

/* --force speaks of what is replaced at DEST. */
static void test_an_earlier_version_is_not_forced_out(void **state)
{
    struct job job;
    char *found;

    (void)state;
    begin(&job);
    job.run.opt.force = true;
    assert_int_equal(leftovers_mark(&job.run, true, NULL), 0);
    run_command("cd \"$PARENT\"/.dest.mpifetch-*/run-* && mkdir swept-other && "
                "echo theirs >swept-other/mine");
    assert_int_equal(remove_staging(&job), 0);
    found = output_of("cat \"$PARENT\"/.dest.kept-*/tree/mine");
    assert_string_equal(found, "theirs\n");
    free(found);
    job_end(&job);
}

/* The previous DEST in a staging whose step was taken, with three extras. */
static void leave_extras(struct job *job)
{
    static const char *const patterns[] = { "extra/*", NULL };

    begin(job);
    job->run.opt.ignore_extra = patterns;
    assert_int_equal(leftovers_mark(&job->run, false, NULL), 0);
    run_command("cd \"$PARENT\"/.dest.mpifetch-*/run-*/tree && mkdir extra && "
                "touch extra/one extra/two extra/three");
}

static void test_extras_that_cannot_be_moved(void **state)
{
    struct job job;
    char *left, *moved;
    struct strbuf words = { 0 };

    (void)state;
    leave_extras(&job);
    odd.stuck = "two";
    assert_int_equal(remove_aloud(&job), -1);
    left = output_of(
        "cd \"$PARENT\" && find . -path './.dest.mpifetch-*/tree/extra/*' | wc -l");
    moved = output_of("cd \"$PARENT\" && find . -path './.dest.kept-*/extra/*' -type f | "
                      "wc -l");
    assert_int_equal(atoi(left) + atoi(moved), 3);
    assert_true(atoi(left) > 0);
    strbuf_addf(&words, "%d of 3 files that --ignore-extra names", atoi(moved));
    if (atoi(moved) > 0)
        assert_said(words.data);
    strbuf_clear(&words);
    strbuf_addf(&words, "are still in '%s/tree'", job.run.staging.dir.path);
    assert_said(words.data);
    strbuf_release(&words);
    free(left);
    free(moved);
    job_end(&job);
}

static void test_no_extra_can_be_moved(void **state)
{
    struct job job;
    char *text;
    size_t len;

    (void)state;
    leave_extras(&job);
    run_command("cd \"$PARENT\"/.dest.mpifetch-*/run-*/tree/extra && rm one three");
    odd.stuck = "two";
    assert_int_equal(remove_aloud(&job), -1);
    assert_int_equal(fs_read_all(NULL, "said", 1 << 20, &text, &len, NULL), 0);
    assert_null(strstr(text, "moved from"));
    free(text);
    run_command("! ls -d \"$PARENT\"/.dest.kept-* 2>/dev/null");
    job_end(&job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_names_that_are_gone_already, enter),
        cmocka_unit_test_setup(test_a_file_that_comes_again_and_again, enter),
        cmocka_unit_test_setup(test_a_shown_version_goes_back, enter),
        cmocka_unit_test_setup(test_a_shown_version_that_cannot_go_back, enter),
        cmocka_unit_test_setup(test_a_version_that_was_made_again, enter),
        cmocka_unit_test_setup(test_an_earlier_version_is_not_forced_out, enter),
        cmocka_unit_test_setup(test_extras_that_cannot_be_moved, enter),
        cmocka_unit_test_setup(test_no_extra_can_be_moved, enter),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
