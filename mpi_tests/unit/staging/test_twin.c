/* Whether a name that is there was made before itself, or is another one of the plan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "run_case.h"
#include "staging/twin.h"

static bool unreadable; /* every directory */
static unsigned looks;  /* at files */

struct dirent *readdir(DIR *dir)
{
    struct dirent *(*real)(DIR * dir);
    void *found = dlsym(RTLD_NEXT, "readdir");

    memcpy(&real, &found, sizeof(real));
    if (!unreadable)
        return real(dir);
    errno = EIO;
    return NULL;
}

int fstatat(int dir, const char *path, struct stat *st, int flags)
{
    int (*real)(int dir, const char *path, struct stat *st, int flags);
    void *found = dlsym(RTLD_NEXT, "fstatat");

    memcpy(&real, &found, sizeof(real));
    looks++;
    return real(dir, path, st, flags);
}

typedef int twin_checker(const struct run *run, const struct fs_dir *dir,
                         const char *name, struct err *err);

/* Of a run with these files, the first of which is there, and the second a hard link to it
 * if links. name: the one that was to be made. */
static int check_by(twin_checker *checker, const struct run_file *files, size_t count,
                    bool links, const char *name, struct err *err)
{
    struct fs_dir dir = { 0 };
    struct run run;
    int rc;

    assert_int_equal(system("rm -rf d && mkdir d"), 0);
    put_file(files[0].path, "");
    if (links)
        assert_int_equal(link(files[0].path, files[1].path), 0);
    run_case_open(&run, "the destination", 1, files, count);
    assert_int_equal(fs_dir_open(&dir, NULL, ".", NULL), 0);
    looks = 0;
    rc = checker(&run, &dir, name, err);
    unreadable = false;
    fs_dir_close(&dir);
    run_case_close(&run);
    return rc;
}

static int check(const struct run_file *files, size_t count, bool links, const char *name,
                 struct err *err)
{
    return check_by(twin_check, files, count, links, name, err);
}

static void assert_twins(const char *one, const char *other)
{
    const struct run_file files[] = { { one, "1", 0 }, { other, "2", 0 } };
    struct err err = { 0 };

    assert_int_equal(check(files, countof(files), true, other, &err), -1);
    assert_int_equal(err.code, ERR_DEST);
    assert_non_null(strstr(err.text, one));
    assert_non_null(strstr(err.text, "the two names for one"));
}

static void test_names_for_one_file(void **state)
{
    (void)state;
    assert_twins("d/NAME", "d/name");
    assert_twins("d/name", "d/name. ");
    assert_twins("d/\xc3\xa9", "d/e\xcc\x81");
    assert_twins("d/\xe2\x84\xaa", "d/k"); /* the sign of Kelvin */
}

/* What a retry finds is there under its name: the others of a large directory are not
 * asked for. */
static void test_itself_among_many(void **state)
{
    enum { MANY = 500, FEW = 10 };
    static char names[MANY][16];
    static struct run_file files[MANY];
    struct err err = { 0 };

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof(names[i]), "d/%04zu", i);
        files[i] = (struct run_file){ names[i], "1", 0 };
    }
    if (check(files, MANY, false, names[0], &err) < 0)
        fail_msg("%s", err.text);
    assert_in_range(looks, 1, FEW);
}

/* In a tree that somebody else made they are two files of one content. */
static void test_links_are_no_twins(void **state)
{
    const struct run_file files[] = { { "d/NAME", "1", 0 }, { "d/name", "2", 0 } };

    (void)state;
    assert_int_equal(
        check_by(twin_check_known, files, countof(files), true, files[1].path, NULL), 0);
}

static void test_a_directory_that_cannot_be_read(void **state)
{
    const struct run_file files[] = { { "d/name", "1", 0 } };
    struct err err = { 0 };

    (void)state;
    unreadable = true;
    assert_int_equal(check(files, countof(files), false, "d/name", &err), -1);
    assert_sentence(&err, ERR_DEST, "/d'", EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_for_one_file),
        cmocka_unit_test(test_itself_among_many),
        cmocka_unit_test(test_links_are_no_twins),
        cmocka_unit_test(test_a_directory_that_cannot_be_read),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
