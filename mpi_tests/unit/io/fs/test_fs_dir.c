/* Names below a directory that is held by a descriptor: no link among them is followed, and
 * nothing leads out. All of it three times: with openat2, on a kernel that has no such call,
 * and under a filter of system calls that forbids it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "scratch_dir.h"

static int refusal; /* errno of openat2; 0: the real call */
static unsigned asked;

long syscall(long number, ...)
{
    long (*next)(long number, ...);
    void *found = dlsym(RTLD_NEXT, "syscall");
    long arg[6];
    va_list args;

    va_start(args, number);
    for (size_t i = 0; i < countof(arg); i++)
        arg[i] = va_arg(args, long);
    va_end(args);
    asked += number == SYS_openat2;
    if (number == SYS_openat2 && refusal) {
        errno = refusal;
        return -1;
    }
    memcpy(&next, &found, sizeof(next));
    return next(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

static struct fs_dir top;

/* outside/f beside top, and links to outside at several places below top. */
static int reset(void **state)
{
    static const char *const commands[] = {
        "rm -rf top moved user outside 2>&1",
        "mkdir -p top/a/b outside/d && echo mine >outside/f && echo f >top/a/f",
        "ln -s ../outside top/link && ln -s ../../outside top/a/link",
        "ln -s \"$PWD/outside\" top/far && ln -s none top/dangling",
        "ln -s ../outside/f top/file && ln -s a top/within && ln -s top user",
    };

    (void)state;
    for (size_t i = 0; i < countof(commands); i++)
        if (system(commands[i]) != 0)
            return -1;
    return fs_dir_open(&top, NULL, "top", NULL);
}

static int release(void **state)
{
    (void)state;
    fs_dir_close(&top);
    return 0;
}

static int nothing(void *arg, const char *name, struct err *err)
{
    (void)arg;
    (void)name;
    (void)err;
    return 0;
}

static int nowhere(void *arg, const char *path, const struct fs_info *info,
                   struct err *err)
{
    (void)arg;
    (void)path;
    (void)info;
    (void)err;
    return 0;
}

static int closed(int fd)
{
    return fd < 0 ? -1 : close(fd);
}

static int reads(const char *name, struct err *err)
{
    return closed(fs_open_read(&top, name, err));
}

static int writes(const char *name, struct err *err)
{
    return closed(fs_open_write(&top, name, err));
}

static int looks(const char *name, struct err *err)
{
    struct fs_info info;

    return fs_look(&top, name, &info, err);
}

static int looks_through(const char *name, struct err *err)
{
    struct fs_info info;

    return fs_look_through(&top, name, &info, err);
}

static int writes_all(const char *name, struct err *err)
{
    return fs_write_all(&top, name, "x", 1, true, false, err);
}

static int makes(const char *name, struct err *err)
{
    return fs_write_all(&top, name, "x", 1, false, false, err);
}

static int reads_all(const char *name, struct err *err)
{
    char *bytes;
    size_t len;
    int rc = fs_read_all(&top, name, 100, &bytes, &len, err);

    free(bytes);
    return rc;
}

static int reads_regular(const char *name, struct err *err)
{
    char *bytes;
    size_t len;
    int rc = fs_read_regular(&top, name, 100, &bytes, &len, err);

    free(bytes);
    return rc;
}

static int makes_directory(const char *name, struct err *err)
{
    return fs_mkdir(&top, name, 0777, err);
}

static int makes_directories(const char *name, struct err *err)
{
    return fs_mkdirs(&top, name, err);
}

static int makes_private(const char *name, struct err *err)
{
    struct strbuf made = { 0 };
    int rc = fs_private_dir(&top, name, "p-", &made, err);

    strbuf_release(&made);
    return rc;
}

static int removes_empty(const char *name, struct err *err)
{
    return fs_remove_empty(&top, name, err);
}

static int removes_tree(const char *name, struct err *err)
{
    return fs_remove_tree(&top, name, err);
}

static int unlinks(const char *name, struct err *err)
{
    return fs_unlink(&top, name, err);
}

static int lists(const char *name, struct err *err)
{
    return fs_list(&top, name, nothing, NULL, err);
}

static int walks(const char *name, struct err *err)
{
    return fs_walk(&top, name, nowhere, NULL, err);
}

static int renames_from(const char *name, struct err *err)
{
    return fs_rename(&top, name, &top, "a/new", FS_RENAME_REPLACE, err);
}

static int renames_to(const char *name, struct err *err)
{
    return fs_rename(&top, "a/f", &top, name, FS_RENAME_REPLACE, err);
}

static int exchanges(const char *name, struct err *err)
{
    return fs_rename(&top, "a/f", &top, name, FS_RENAME_EXCHANGE, err);
}

static int links_from(const char *name, struct err *err)
{
    return fs_link(&top, name, &top, "a/new", err);
}

static int links_to(const char *name, struct err *err)
{
    return fs_link(&top, "a/f", &top, name, err);
}

static int makes_symlink(const char *name, struct err *err)
{
    return fs_symlink("target", &top, name, err);
}

static int reads_symlink(const char *name, struct err *err)
{
    struct strbuf target = { 0 };
    int rc = fs_readlink(&top, name, &target, err);

    strbuf_release(&target);
    return rc;
}

static int sets_time(const char *name, struct err *err)
{
    return fs_set_mtime(&top, name, 1, err);
}

static int syncs(const char *name, struct err *err)
{
    return fs_sync_path(&top, name, err);
}

static int asks_for_space(const char *name, struct err *err)
{
    struct fs_space space;

    return fs_space(&top, name, &space, err);
}

static int opens_directory(const char *name, struct err *err)
{
    struct fs_dir dir;
    int rc = fs_dir_open(&dir, &top, name, err);

    fs_dir_close(&dir);
    return rc;
}

static const struct {
    const char *what;
    int (*call)(const char *name, struct err *err);
    bool opens; /* follows its last part, if that were allowed */
} calls[] = {
    { "read", reads, true },
    { "write", writes, true },
    { "look", looks, false },
    { "look through", looks_through, false },
    { "write all", writes_all, true },
    { "make", makes, false },
    { "read all", reads_all, true },
    { "read regular", reads_regular, true },
    { "mkdir", makes_directory, false },
    { "mkdirs", makes_directories, false },
    { "private dir", makes_private, true },
    { "remove empty", removes_empty, false },
    { "remove tree", removes_tree, false },
    { "unlink", unlinks, false },
    { "list", lists, true },
    { "walk", walks, true },
    { "rename from", renames_from, false },
    { "rename to", renames_to, false },
    { "exchange", exchanges, false },
    { "link from", links_from, false },
    { "link to", links_to, false },
    { "symlink", makes_symlink, false },
    { "readlink", reads_symlink, false },
    { "set time", sets_time, false },
    { "sync", syncs, true },
    { "space", asks_for_space, true },
    { "open directory", opens_directory, true },
};

/* What a directory has, each name followed by a blank. */
static void assert_names(const char *dir, const char *wanted)
{
    struct strbuf found = { 0 };
    struct dirent **entries;
    int count = scandir(dir, &entries, NULL, alphasort);

    assert_true(count >= 0);
    for (int i = 0; i < count; i++) {
        strbuf_addf(&found, "%s ", entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    assert_string_equal(found.data, wanted);
    strbuf_release(&found);
}

/* By the system's calls, since a shell after each of ours would take longer than all else here. */
static void assert_untouched(void)
{
    struct stat d, f;

    assert_names("outside", ". .. d f ");
    assert_names("outside/d", ". .. ");
    assert_int_equal(lstat("outside/d", &d), 0);
    assert_true(S_ISDIR(d.st_mode));
    assert_int_equal(lstat("outside/f", &f), 0);
    assert_true(S_ISREG(f.st_mode) && f.st_mtime > 1000);
    assert_file("outside/f", "mine\n");
}

static void refuse(size_t i, const char *name, const char *reason)
{
    struct err err = { 0 };
    char object[64];

    snprintf(object, sizeof(object), "'top/%s", name);
    if (calls[i].call(name, &err) != -1)
        fail_msg("%s '%s' is not refused", calls[i].what, name);
    if (!strstr(err.text, object) || !strstr(err.text, reason))
        fail_msg("%s '%s': %s", calls[i].what, name, err.text);
    assert_untouched();
}

static void test_no_link_is_followed(void **state)
{
    static const char *const names[] = { "link/f",    "link/d",   "a/link/f",
                                         "a/link/d",  "far/f",    "far/d/e",
                                         "within/f",  "within/b", "dangling/f",
                                         "a/link/d/." };
    static const char *const last[] = { "link", "a/link", "far", "file", "dangling" };

    (void)state;
    for (size_t i = 0; i < countof(calls); i++) {
        for (size_t k = 0; k < countof(names); k++)
            refuse(i, names[k], "is a symbolic link");
        for (size_t k = 0; calls[i].opens && k < countof(last); k++)
            refuse(i, last[k], "is a symbolic link");
    }
}

static void test_nothing_leads_out(void **state)
{
    static const char *const names[] = { "..", "../outside/f", "a/../../outside/f",
                                         "a/b/../../../outside/d" };
    char absolute[128];

    (void)state;
    snprintf(absolute, sizeof(absolute), "%s/outside/f", scratch_path);
    for (size_t i = 0; i < countof(calls); i++) {
        for (size_t k = 0; k < countof(names); k++)
            refuse(i, names[k], "");
        refuse(i, absolute, "");
    }
}

/* What is there after a row of calls, as sh sees it. */
static void test_names_of_several_parts(void **state)
{
    struct strbuf text = { 0 };
    struct fs_info info;
    int fd;

    (void)state;
    assert_int_equal(fs_mkdirs(&top, "n/o/p", NULL), 0);
    fd = fs_open_write(&top, "n/o/p/file", NULL);
    assert_true(fd >= 0);
    assert_int_equal(fs_pwrite(fd, &top, "n/o/p/file", "text", 4, 0, NULL), 0);
    assert_int_equal(fs_set_mtime_open(fd, &top, "n/o/p/file", 5000000000, NULL), 0);
    assert_int_equal(fs_close(fd, &top, "n/o/p/file", NULL), 0);
    assert_int_equal(fs_look(&top, "n/o/p/file", &info, NULL), 0);
    assert_int_equal(info.kind, FS_FILE);
    assert_int_equal(info.size, 4);
    assert_int_equal(info.mtime_ns, 5000000000);
    assert_int_equal(fs_link(&top, "n/o/p/file", &top, "n/twin", NULL), 0);
    assert_int_equal(fs_symlink("o/p/file", &top, "n/sym", NULL), 0);
    assert_int_equal(fs_readlink(&top, "n/sym", &text, NULL), 0);
    assert_string_equal(text.data, "o/p/file");
    assert_int_equal(fs_look_through(&top, "n/sym", &info, NULL), 0);
    assert_int_equal(info.kind, FS_FILE);
    assert_int_equal(fs_rename(&top, "n/o", &top, "n/q", FS_RENAME_NEW, NULL), 0);
    assert_file("top/n/q/p/file", "text");
    assert_int_equal(fs_unlink(&top, "n/sym", NULL), 0);
    strbuf_clear(&text);
    assert_int_equal(fs_private_dir(&top, "n", "p-", &text, NULL), 0);
    assert_int_equal(strncmp(text.data, "n/p-", 4), 0);
    assert_int_equal(fs_remove_empty(&top, text.data, NULL), 0);
    assert_int_equal(system("test \"$(cd top/n && ls | tr '\\n' ' ')\" = 'q twin '"), 0);
    assert_int_equal(fs_remove_tree(&top, "n", NULL), 0);
    assert_int_equal(fs_look(&top, "n", &info, NULL), 0);
    assert_int_equal(info.kind, FS_MISSING);
    strbuf_release(&text);
}

/* A descriptor follows a renamed directory, a name below one does not: its former owner
 * comes to nothing, whatever stands there then. */
static void test_taken_away(void **state)
{
    struct fs_dir held = { 0 }, named = { 0 };
    struct err err = { 0 };

    (void)state;
    assert_int_equal(fs_dir_open(&held, &top, "a/b", NULL), 0);
    assert_int_equal(fs_dir_below(&named, &top, "a/b", NULL), 0);
    assert_int_equal(fs_dir_same(&held, &err), 0);
    assert_int_equal(fs_dir_same(&named, &err), 0);
    assert_int_equal(fs_write_all(&named, "one", "1", 1, false, false, &err), 0);
    assert_int_equal(rename("top/a/b", "moved"), 0);
    assert_int_equal(fs_write_all(&held, "two", "2", 1, false, false, &err), 0);
    assert_file("moved/two", "2");
    assert_int_equal(fs_write_all(&named, "three", "3", 1, false, false, &err), -1);
    assert_sentence(&err, ERR_DEST, "'top/a/b/three'", ENOENT);
    err_clear(&err);
    assert_int_equal(fs_rename(&named, ".", &top, "shown", FS_RENAME_NEW, &err), -1);
    assert_sentence(&err, ERR_DEST, "'top/a/b'", ENOENT);
    err_clear(&err);
    assert_int_equal(fs_dir_same(&held, &err), -1);
    assert_sentence(&err, ERR_DEST, "'top/a/b'", ENOENT);
    err_clear(&err);
    assert_int_equal(fs_dir_same(&named, &err), -1);
    err_clear(&err);
    assert_int_equal(mkdir("top/a/b", 0777), 0);
    assert_int_equal(fs_dir_same(&held, &err), -1);
    assert_non_null(strstr(err.text, "'top/a/b' is another directory than before"));
    assert_int_equal(fs_dir_same(&named, NULL), 0);
    fs_dir_close(&held);
    fs_dir_close(&named);
}

/* A name below one that was opened is looked for there, and not where its path leads. */
static void test_path_leads_elsewhere(void **state)
{
    struct fs_dir named = { 0 };
    struct err err = { 0 };

    (void)state;
    assert_int_equal(fs_dir_below(&named, &top, "a", NULL), 0);
    assert_int_equal(rename("top", "moved"), 0);
    assert_int_equal(fs_write_all(&named, "x", "x", 1, false, false, NULL), 0);
    assert_file("moved/a/x", "x");
    assert_int_equal(system("mkdir -p top/a"), 0);
    assert_int_equal(fs_dir_same(&named, &err), -1);
    assert_int_equal(fs_dir_same(&top, NULL), -1);
    fs_dir_close(&named);
}

static void test_users_own_link(void **state)
{
    struct fs_dir dir = { 0 }, in = { 0 };
    struct fs_info info;

    (void)state;
    assert_int_equal(fs_dir_open(&dir, NULL, "user", NULL), 0);
    assert_int_equal(fs_dir_same(&dir, NULL), 0);
    assert_int_equal(fs_dir_open(&in, &dir, "a", NULL), 0);
    assert_int_equal(fs_dir_same(&in, NULL), 0);
    assert_int_equal(fs_look(NULL, "user/link/f", &info, NULL), 0);
    assert_int_equal(info.kind, FS_FILE);
    fs_dir_close(&in);
    assert_int_equal(fs_dir_open(&in, NULL, "none", NULL), -1);
    fs_dir_close(&dir);
    fs_dir_close(&dir);
}

static void test_long_name(void **state)
{
    struct err err = { 0 };
    struct fs_dir a;
    char name[5000];

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    for (size_t i = 200; i < sizeof(name) - 1; i += 200)
        name[i] = '/';
    assert_int_equal(fs_dir_below(&a, &top, "a", NULL), 0);
    assert_int_equal(fs_open_read(&a, name, &err), -1);
    assert_non_null(strstr(err.text, strerror(ENAMETOOLONG)));
    fs_dir_close(&a);
}

static void test_asked_once(void **state)
{
    unsigned before = asked;

    (void)state;
    assert_int_equal(reads("a/f", NULL), 0);
    assert_int_equal(reads("a/f", NULL), 0);
    assert_int_equal(asked - before, refusal ? 0 : 2);
}

static int run_all(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_link_is_followed, reset, release),
        cmocka_unit_test_setup_teardown(test_nothing_leads_out, reset, release),
        cmocka_unit_test_setup_teardown(test_names_of_several_parts, reset, release),
        cmocka_unit_test_setup_teardown(test_taken_away, reset, release),
        cmocka_unit_test_setup_teardown(test_path_leads_elsewhere, reset, release),
        cmocka_unit_test_setup_teardown(test_users_own_link, reset, release),
        cmocka_unit_test_setup_teardown(test_long_name, reset, release),
        cmocka_unit_test_setup_teardown(test_asked_once, reset, release),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}

/* In processes of their own: what the kernel has is remembered. */
int main(void)
{
    static const int refusals[] = { 0, ENOSYS, EPERM };
    int failed = 0;

    for (size_t i = 0; i < countof(refusals); i++) {
        pid_t child = fork();
        int status = 1;

        if (child == 0) {
            refusal = refusals[i];
            exit(run_all() == 0 ? 0 : 1);
        }
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
            failed++;
    }
    return failed;
}
