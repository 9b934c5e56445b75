/* io/fs/fs_parents.c: a directory is opened once, a few are held, and a link on the way is
 * not followed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "scratch_dir.h"

static struct fs_dir base;

static int make_tree(void **state)
{
    char name[32];

    if (scratch_enter(state) < 0 || mkdir("base", 0755) < 0 || mkdir("else", 0755) < 0)
        return -1;
    for (int i = 0; i < 2 * FS_PARENTS; i++) {
        snprintf(name, sizeof(name), "base/d%d", i);
        if (mkdir(name, 0755) < 0)
            return -1;
    }
    if (mkdir("base/d0/deep", 0755) < 0 || symlink("../else", "base/link") < 0)
        return -1;
    return fs_dir_open(&base, NULL, "base", NULL);
}

static int leave(void **state)
{
    fs_dir_close(&base);
    return scratch_leave(state);
}

static void test_same_directory(void **state)
{
    struct fs_parents parents = { 0 };
    const struct fs_dir *one, *other;
    const char *last;

    (void)state;
    one = fs_parents_of(&parents, &base, "d0/deep/a", &last);
    assert_string_equal(last, "a");
    assert_string_equal(one->path, "base/d0/deep");
    other = fs_parents_of(&parents, &base, "d0/deep/bcd", &last);
    assert_ptr_equal(one, other);
    assert_string_equal(last, "bcd");
    assert_ptr_not_equal(fs_parents_of(&parents, &base, "d0/dee", &last), one);
    assert_int_equal(fs_write_all(one, "file", "text", 4, false, false, NULL), 0);
    assert_file("base/d0/deep/file", "text");
    fs_parents_close(&parents);
}

static void test_no_part_but_the_name(void **state)
{
    struct fs_parents parents = { 0 };
    const char *last;
    const struct fs_dir *dir = fs_parents_of(&parents, &base, "top", &last);

    (void)state;
    assert_string_equal(last, "top");
    assert_int_equal(fs_write_all(dir, last, "x", 1, false, false, NULL), 0);
    assert_file("base/top", "x");
    fs_parents_close(&parents);
}

/* The one that was asked for first makes room, and is opened again. */
static void test_few_are_held(void **state)
{
    struct fs_parents parents = { 0 };
    char name[32];
    const char *last;

    (void)state;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 2 * FS_PARENTS; i++) {
            const struct fs_dir *dir;

            snprintf(name, sizeof(name), "d%d/f", i);
            dir = fs_parents_of(&parents, &base, name, &last);
            assert_int_equal(fs_write_all(dir, last, name, 2, true, false, NULL), 0);
            snprintf(name, sizeof(name), "base/d%d", i);
            assert_string_equal(dir->path, name);
        }
    fs_parents_close(&parents);
    assert_file("base/d7/f", "d7");
}

/* Then whoever uses the name is told. */
static void test_what_cannot_be_opened(void **state)
{
    static const char *const names[] = { "none/a", "link/a", "top-file/a", "../else/a" };
    struct fs_parents parents = { 0 };
    const char *last;

    (void)state;
    put_file("base/top-file", "");
    for (size_t i = 0; i < countof(names); i++) {
        assert_ptr_equal(fs_parents_of(&parents, &base, names[i], &last), &base);
        assert_string_equal(last, names[i]);
        assert_int_equal(fs_open_read(&base, last, NULL), -1);
    }
    fs_parents_close(&parents);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_directory),
        cmocka_unit_test(test_no_part_but_the_name),
        cmocka_unit_test(test_few_are_held),
        cmocka_unit_test(test_what_cannot_be_opened),
    };

    return cmocka_run_group_tests(tests, make_tree, leave);
}
