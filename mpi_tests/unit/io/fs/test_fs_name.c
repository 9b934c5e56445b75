/* Renames, links and absolute paths. rename, renameat2 and link stand in below, to answer
 * as old kernels, NFS and file systems without links do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "scratch_dir.h"

static struct {
    int no_flags; /* errno for renameat2, as where it is missing */
    int no_links; /* errno for link */
    bool plain;   /* renameat2 takes the flag and does not heed it */
    bool twice; /* renameat does its work, and the answer is that of the second request */
} world;

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    if (world.no_flags) {
        errno = world.no_flags;
        return -1;
    }
    if (world.plain)
        flags = 0;
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    int rc = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);

    if (rc == 0 && world.twice) {
        errno = ENOENT;
        return -1;
    }
    return rc;
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    if (world.no_links) {
        errno = world.no_links;
        return -1;
    }
    return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

static int reset(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    return system("rm -rf ./*") == 0 ? 0 : -1;
}

static bool exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

/* What stands at the target, what is renamed there, and what FS_RENAME_NEW says. */
static const struct {
    const char *from, *to;
    int reason; /* 0: done */
} new_rows[] = {
    { "dir", NULL, 0 },         { "dir", "empty", 0 },       { "dir", "dir", ENOTEMPTY },
    { "dir", "file", ENOTDIR }, { "dir", "link", ENOTDIR },  { "file", NULL, 0 },
    { "file", "file", EEXIST }, { "file", "empty", EEXIST }, { "file", "link", EEXIST },
    { "file", "dir", EEXIST },
};

static void make(const char *path, const char *what)
{
    char inside[64];

    if (!strcmp(what, "file"))
        put_file(path, path);
    else if (!strcmp(what, "link"))
        assert_int_equal(symlink("elsewhere", path), 0);
    else
        assert_int_equal(mkdir(path, 0755), 0);
    if (!strcmp(what, "dir")) {
        snprintf(inside, sizeof(inside), "%s/inside", path);
        put_file(inside, path);
    }
}

static void check_rename_new(void)
{
    struct stat before, after;
    struct err err;

    for (size_t i = 0; i < countof(new_rows); i++) {
        assert_int_equal(system("rm -rf ./*"), 0);
        err = (struct err){ 0 };
        make("from", new_rows[i].from);
        if (new_rows[i].to)
            make("to", new_rows[i].to);
        assert_int_equal(lstat(new_rows[i].reason ? "to" : "from", &before), 0);
        assert_int_equal(fs_rename(NULL, "from", NULL, "to", FS_RENAME_NEW, &err),
                         new_rows[i].reason ? -1 : 0);
        assert_int_equal(lstat("to", &after), 0);
        assert_true(before.st_ino == after.st_ino);
        assert_int_equal(exists("from"), new_rows[i].reason != 0);
        if (!new_rows[i].reason)
            continue;
        assert_sentence(&err, ERR_DEST, "'from' to 'to'", new_rows[i].reason);
    }
}

static void test_rename_new(void **state)
{
    (void)state;
    check_rename_new();
}

/* Who made the empty directory may be about to fill it. */
static void test_rename_absent(void **state)
{
    struct err err = { 0 };
    struct stat before, after;

    (void)state;
    make("from", "dir");
    make("to", "empty");
    assert_int_equal(lstat("to", &before), 0);
    assert_int_equal(fs_rename(NULL, "from", NULL, "to", FS_RENAME_ABSENT, &err), -1);
    assert_int_equal(errno, EEXIST);
    assert_sentence(&err, ERR_DEST, "'from' to 'to'", EEXIST);
    assert_int_equal(lstat("to", &after), 0);
    assert_true(before.st_ino == after.st_ino);
    assert_int_equal(fs_rename(NULL, "from", NULL, "other", FS_RENAME_ABSENT, NULL), 0);
    assert_file("other/inside", "from");
}

static void test_rename_new_without_the_call(void **state)
{
    static const int rows[] = { EINVAL, ENOSYS, EOPNOTSUPP };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        world.no_flags = rows[i];
        check_rename_new();
    }
}

static void test_rename_new_without_links(void **state)
{
    (void)state;
    world.no_flags = EINVAL;
    world.no_links = EPERM;
    check_rename_new();
}

/* What the caller reads from errno is the reason of the sentence. */
static void test_rename_leaves_errno(void **state)
{
    struct err err = { 0 };

    (void)state;
    assert_int_equal(fs_rename(NULL, "none", NULL, "to", FS_RENAME_NEW, &err), -1);
    assert_int_equal(errno, ENOENT);
    assert_sentence(&err, ERR_DEST, "'none' to 'to'", ENOENT);
    make("from", "dir");
    make("to", "dir");
    assert_int_equal(fs_rename(NULL, "from", NULL, "to", FS_RENAME_REPLACE, NULL), -1);
    assert_int_equal(errno, ENOTEMPTY);
}

static void test_rename_replace(void **state)
{
    struct err err = { 0 };

    (void)state;
    make("from", "file");
    make("to", "file");
    assert_int_equal(fs_rename(NULL, "from", NULL, "to", FS_RENAME_REPLACE, &err), 0);
    assert_file("to", "from");
    assert_false(exists("from"));
}

/* NFS: done, but the answer to the first request was lost. */
static void test_rename_asked_twice(void **state)
{
    struct err err = { 0 };

    (void)state;
    world.twice = true;
    make("from", "file");
    assert_int_equal(fs_rename(NULL, "from", NULL, "to", FS_RENAME_REPLACE, &err), 0);
    assert_file("to", "from");
    world.no_flags = EINVAL;
    make("dir", "dir");
    assert_int_equal(fs_rename(NULL, "dir", NULL, "newdir", FS_RENAME_NEW, &err), 0);
    assert_file("newdir/inside", "dir");
}

static void test_exchange(void **state)
{
    struct err err = { 0 };

    (void)state;
    make("a", "dir");
    make("b", "dir");
    assert_int_equal(fs_rename(NULL, "a", NULL, "b", FS_RENAME_EXCHANGE, &err), 0);
    assert_file("a/inside", "b");
    assert_file("b/inside", "a");
    assert_int_equal(fs_rename(NULL, "a", NULL, "c", FS_RENAME_EXCHANGE, &err), -1);
    assert_sentence(&err, ERR_DEST, "'a' to 'c'", ENOENT);
}

static int count_name(void *arg, const char *name, struct err *err)
{
    (void)name;
    (void)err;
    ++*(int *)arg;
    return 0;
}

static void test_can_exchange(void **state)
{
    static const struct {
        int no_flags;
        bool plain, want;
    } rows[] = { { 0, false, true },
                 { EINVAL, false, false },
                 { ENOSYS, false, false },
                 { 0, true, false } };
    struct err err = { 0 };
    int names = 0;
    bool yes;

    (void)state;
    assert_int_equal(mkdir("probe", 0755), 0);
    for (size_t i = 0; i < countof(rows); i++) {
        world.no_flags = rows[i].no_flags;
        world.plain = rows[i].plain;
        yes = !rows[i].want;
        assert_int_equal(fs_can_exchange(NULL, "probe", &yes, &err), 0);
        assert_int_equal(yes, rows[i].want);
    }
    assert_int_equal(fs_list(NULL, "probe", count_name, &names, &err), 0);
    assert_int_equal(names, 0);
    assert_int_equal(fs_can_exchange(NULL, "none", &yes, &err), -1);
    assert_sentence(&err, ERR_DEST, "'none'", ENOENT);
}

static void test_links(void **state)
{
    struct strbuf target = { 0 };
    struct err err = { 0 };

    (void)state;
    make("one", "file");
    make("two", "file");
    assert_int_equal(fs_link(NULL, "one", NULL, "name", &err), 0);
    assert_int_equal(fs_link(NULL, "one", NULL, "name", &err), 0);
    assert_int_equal(fs_link(NULL, "two", NULL, "name", &err), -1);
    assert_int_equal(errno, EEXIST);
    assert_sentence(&err, ERR_DEST, "'two' to 'name'", EEXIST);
    assert_file("name", "one");

    err_clear(&err);
    assert_int_equal(fs_symlink("../some/where", NULL, "sym", &err), 0);
    assert_int_equal(fs_readlink(NULL, "sym", &target, &err), 0);
    assert_string_equal(target.data, "../some/where");
    strbuf_release(&target);
    assert_int_equal(fs_symlink("other", NULL, "sym", &err), -1);
    assert_sentence(&err, ERR_DEST, "'sym'", EEXIST);
    err_clear(&err);
    assert_int_equal(fs_readlink(NULL, "one", &target, &err), -1);
    assert_sentence(&err, ERR_DEST, "'one'", EINVAL);
    strbuf_release(&target);
}

static void test_unlink(void **state)
{
    struct err err = { 0 };

    (void)state;
    make("one", "file");
    assert_int_equal(fs_unlink(NULL, "one", &err), 0);
    assert_false(exists("one"));
    assert_int_equal(fs_unlink(NULL, "one", &err), 0);
    make("d", "dir");
    assert_int_equal(fs_unlink(NULL, "d", &err), -1);
    assert_sentence(&err, ERR_DEST, "'d'", EISDIR);
    assert_true(exists("d/inside"));
}

/* Where a row begins with '@', this directory stands for it. */
static void check_absolute(const char *path, const char *want)
{
    struct strbuf given = { 0 }, expected = { 0 }, got = { 0 };
    struct err err = { 0 };

    strbuf_addf(&given, "%s%s", path[0] == '@' ? scratch_path : "",
                path + (path[0] == '@'));
    strbuf_addf(&expected, "%s%s", want[0] == '@' ? scratch_path : "",
                want + (want[0] == '@'));
    assert_int_equal(fs_absolute(given.data, &got, &err), 0);
    assert_string_equal(got.data, expected.data);
    strbuf_release(&given);
    strbuf_release(&expected);
    strbuf_release(&got);
}

static void test_absolute(void **state)
{
    static const char *const rows[][2] = {
        { "/", "/" },
        { "//", "/" },
        { "/..", "/" },
        { "/../../x", "/x" },
        { "/nowhere/./a//b/../c/", "/nowhere/a/c" },
        { ".", "@" },
        { "x", "@/x" },
        { "./x/.", "@/x" },
        { "real/..", "@" },
        { "none/sub/../x", "@/none/x" },
        { "link", "@/link" },
        { "link/", "@/link" },
        { "link/.", "@/link" },
        { "link/x", "@/real/deep/x" },
        { "link/..", "@/real" },
        { "@/link/../x", "@/real/x" },
        { "abs/x", "/usr/x" },
        { "chain/x", "@/real/deep/x" },
        { "dangling/x", "@/nothing/here/x" },
        { "real/deep/up/x", "@/real/x" },
    };

    (void)state;
    assert_int_equal(
        system("mkdir -p real/deep && ln -s real/deep link && ln -s /usr abs "
               "&& ln -s ./link// chain && ln -s nothing/here dangling "
               "&& ln -s .. real/deep/up"),
        0);
    for (size_t i = 0; i < countof(rows); i++)
        check_absolute(rows[i][0], rows[i][1]);
}

static void test_absolute_fails(void **state)
{
    struct strbuf got = { 0 };
    struct err err = { 0 };

    (void)state;
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_int_equal(fs_absolute("loop/x", &got, &err), -1);
    assert_sentence(&err, ERR_DEST, "'loop/x'", ELOOP);
    err_clear(&err);
    assert_int_equal(fs_absolute("", &got, &err), -1);
    assert_sentence(&err, ERR_DEST, "''", ENOENT);
    strbuf_release(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_rename_new, reset),
        cmocka_unit_test_setup(test_rename_absent, reset),
        cmocka_unit_test_setup(test_rename_new_without_the_call, reset),
        cmocka_unit_test_setup(test_rename_new_without_links, reset),
        cmocka_unit_test_setup(test_rename_leaves_errno, reset),
        cmocka_unit_test_setup(test_rename_replace, reset),
        cmocka_unit_test_setup(test_rename_asked_twice, reset),
        cmocka_unit_test_setup(test_exchange, reset),
        cmocka_unit_test_setup(test_can_exchange, reset),
        cmocka_unit_test_setup(test_links, reset),
        cmocka_unit_test_setup(test_unlink, reset),
        cmocka_unit_test_setup(test_absolute, reset),
        cmocka_unit_test_setup(test_absolute_fails, reset),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
