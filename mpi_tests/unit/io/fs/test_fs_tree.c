/* Directories: made, listed, walked, removed; and never a step outside. openat stands in
 * below, for an enemy who is quick. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "scratch_dir.h"

/* Whether "swap" is a symlink to keep by the time it is opened. */
static bool enemy;

int openat(int dir, const char *name, int flags, ...)
{
    if (enemy && !strcmp(name, "swap") &&
        (renameat(dir, name, dir, "was") < 0 || symlinkat("../keep", dir, name) < 0))
        return -1;
    return (int)syscall(SYS_openat, dir, name, flags, 0);
}

/* What is done with the names "open" and .fuse_hidden*, which somebody has open. */
static enum { PLAIN, LIKE_FUSE, LIKE_NFS } keeping;
static unsigned kept;

static int keep_open_file(int dir, const char *name)
{
    char hidden[32];

    if (keeping == LIKE_NFS && !strcmp(name, "open"))
        return renameat(dir, name, dir, ".nfs1");
    if (keeping == LIKE_NFS) {
        errno = EBUSY;
        return -1;
    }
    if (kept >= 100) /* nobody waits for the end of that */
        return (int)syscall(SYS_unlinkat, dir, name, 0);
    snprintf(hidden, sizeof(hidden), ".fuse_hidden%u", ++kept);
    return renameat(dir, name, dir, hidden);
}

int unlinkat(int dir, const char *name, int flags)
{
    bool held = !strcmp(name, "open") || text_starts(name, ".fuse_hidden") ||
                text_starts(name, ".nfs");

    return keeping != PLAIN && flags == 0 && held
               ? keep_open_file(dir, name)
               : (int)syscall(SYS_unlinkat, dir, name, flags);
}

static int reset(void **state)
{
    (void)state;
    enemy = false;
    keeping = PLAIN;
    kept = 0;
    return system("rm -rf ./*") == 0 ? 0 : -1;
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_mode & 0777 : 0;
}

static bool exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

static void test_mkdir(void **state)
{
    struct err err = { 0 };
    mode_t before = umask(0022);

    (void)state;
    assert_int_equal(fs_mkdir(NULL, "d", 0700, &err), 0);
    assert_int_equal(mode_of("d"), 0700);
    assert_int_equal(fs_mkdir(NULL, "d", 0777, &err), 0);
    assert_int_equal(mode_of("d"), 0700);
    assert_int_equal(fs_mkdir(NULL, "e", 0777, &err), 0);
    assert_int_equal(mode_of("e"), 0755);
    umask(before);
    assert_int_equal(fs_mkdir(NULL, "none/x", 0777, &err), -1);
    assert_sentence(&err, ERR_DEST, "'none/x'", ENOENT);
    err_clear(&err);
    put_file("f", "");
    assert_int_equal(fs_mkdir(NULL, "f", 0777, &err), -1);
    assert_sentence(&err, ERR_DEST, "'f'", EEXIST);
}

static void test_remove_empty(void **state)
{
    struct err err = { 0 };

    (void)state;
    assert_int_equal(system("mkdir -p d/full empty && touch d/full/f"), 0);
    assert_int_equal(fs_remove_empty(NULL, "empty", &err), 0);
    assert_false(exists("empty"));
    assert_int_equal(fs_remove_empty(NULL, "d/full", &err), -1);
    assert_sentence(&err, ERR_DEST, "'d/full'", ENOTEMPTY);
    assert_true(exists("d/full/f"));
}

static void test_mkdirs(void **state)
{
    struct err err = { 0 };
    mode_t before = umask(0027);

    (void)state;
    assert_int_equal(fs_mkdirs(NULL, "a//b/c/", &err), 0);
    umask(before);
    assert_int_equal(mode_of("a"), 0750);
    assert_int_equal(mode_of("a/b/c"), 0750);
    assert_int_equal(fs_mkdirs(NULL, "a/b/c", &err), 0);
    assert_int_equal(fs_mkdirs(NULL, "/", &err), 0);
    assert_int_equal(symlink("a", "l"), 0);
    assert_int_equal(fs_mkdirs(NULL, "l/x/y", &err), 0);
    assert_true(exists("a/x/y"));
}

static void test_mkdirs_fails(void **state)
{
    struct err err = { 0 };

    (void)state;
    put_file("f", "");
    assert_int_equal(fs_mkdirs(NULL, "f/x/y", &err), -1);
    assert_sentence(&err, ERR_DEST, "'f/x/y'", ENOTDIR);
    err_clear(&err);
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    assert_int_equal(fs_mkdirs(NULL, "dangling/x", &err), -1);
    assert_sentence(&err, ERR_DEST, "'dangling'", EEXIST);
    err_clear(&err);
    assert_int_equal(fs_mkdirs(NULL, "", &err), -1);
    assert_sentence(&err, ERR_DEST, "''", ENOENT);
}

static void test_private_dir(void **state)
{
    struct strbuf one = { 0 }, two = { 0 };
    struct err err = { 0 };

    (void)state;
    assert_int_equal(fs_private_dir(NULL, ".", "pre-", &one, &err), 0);
    assert_int_equal(fs_private_dir(NULL, ".", "pre-", &two, &err), 0);
    assert_string_not_equal(one.data, two.data);
    assert_int_equal(strncmp(one.data, "./pre-", 6), 0);
    assert_int_equal(mode_of(one.data), 0700);
    assert_int_equal(mode_of(two.data), 0700);
    strbuf_release(&one);
    assert_int_equal(fs_private_dir(NULL, "none", "pre-", &one, &err), -1);
    assert_sentence(&err, ERR_DEST, "'none'", ENOENT);
    strbuf_release(&one);
    strbuf_release(&two);
}

/* Paths seen, in some order; sorted for comparison. */
struct seen {
    char path[8][64];
    size_t count;
    size_t stop_at; /* the visitor fails here; 0: never */
    uint64_t bytes;
};

static int see(struct seen *seen, const char *path, struct err *err)
{
    assert_true(seen->count < countof(seen->path));
    snprintf(seen->path[seen->count++], sizeof(seen->path[0]), "%s", path);
    if (seen->count == seen->stop_at)
        return err_set(err, ERR_DIGEST, "enough");
    return 0;
}

static int see_name(void *arg, const char *name, struct err *err)
{
    return see(arg, name, err);
}

static int see_file(void *arg, const char *path, const struct fs_info *info,
                    struct err *err)
{
    struct seen *seen = arg;

    assert_int_equal(info->kind, FS_FILE);
    seen->bytes += info->size;
    return see(seen, path, err);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void assert_seen(struct seen *seen, const char *want)
{
    char got[512] = "";

    qsort(seen->path, seen->count, sizeof(seen->path[0]), by_text);
    for (size_t i = 0; i < seen->count; i++) {
        strncat(got, seen->path[i], sizeof(got) - strlen(got) - 1);
        strncat(got, " ", sizeof(got) - strlen(got) - 1);
    }
    assert_string_equal(got, want);
}

static void test_list(void **state)
{
    struct seen seen = { 0 };
    struct err err = { 0 };

    (void)state;
    assert_int_equal(system("mkdir -p d/sub/x && touch d/file d/.hidden"), 0);
    assert_int_equal(fs_list(NULL, "d", see_name, &seen, &err), 0);
    assert_seen(&seen, ".hidden file sub ");
    seen = (struct seen){ .stop_at = 2 };
    assert_int_equal(fs_list(NULL, "d", see_name, &seen, &err), -1);
    assert_int_equal(seen.count, 2);
    assert_int_equal(err.code, ERR_DIGEST);
    err_clear(&err);
    assert_int_equal(fs_list(NULL, "none", see_name, &seen, &err), -1);
    assert_sentence(&err, ERR_DEST, "'none'", ENOENT);
}

static void test_walk(void **state)
{
    static const char *const names[] = { "d", "d/", "l" };
    struct err err = { 0 };

    (void)state;
    assert_int_equal(system("mkdir -p d/sub/deep d/empty && printf 1234 >d/a "
                            "&& printf 12 >d/sub/deep/b && touch d/sub/.c "
                            "&& ln -s ../a d/sub/link && ln -s d l"),
                     0);
    for (size_t i = 0; i < countof(names); i++) {
        struct seen seen = { 0 };

        assert_int_equal(fs_walk(NULL, names[i], see_file, &seen, &err), 0);
        assert_seen(&seen, "a sub/.c sub/deep/b sub/link ");
        assert_int_equal(seen.bytes, 4 + 2 + 4); /* a link counts with what it leads to */
    }
}

/* Each directory on the way has a descriptor. */
static void test_walk_of_nested_directories(void **state)
{
    char path[2 * 256 + 4] = "d";
    struct seen seen = { 0 };
    struct err err = { 0 };

    (void)state;
    for (size_t depth = 1; depth <= 256; depth++) {
        assert_int_equal(mkdir(path, 0700), 0);
        strcat(path, "/d");
    }
    assert_int_equal(fs_walk(NULL, "d", see_file, &seen, &err), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(fs_walk(NULL, "d", see_file, &seen, &err), -1);
    assert_int_equal(err.code, ERR_SOURCE);
    assert_non_null(strstr(err.text, "more than 256 directories are nested"));
}

static void test_walk_refuses(void **state)
{
    static const struct {
        const char *make, *object, *reason;
    } rows[] = {
        { "rm -r d", "'d'", "No such file or directory" },
        { "rm -r d; touch d", "'d'", "Not a directory" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct seen seen = { 0 };
        struct err err = { 0 };

        assert_int_equal(system("rm -rf d && mkdir -p d/sub"), 0);
        assert_int_equal(system(rows[i].make), 0);
        assert_int_equal(fs_walk(NULL, "d", see_file, &seen, &err), -1);
        assert_int_equal(err.code, ERR_SOURCE);
        assert_non_null(strstr(err.text, rows[i].object));
        assert_non_null(strstr(err.text, rows[i].reason));
    }
}

static int see_odd(void *arg, const char *path, const struct fs_info *info,
                   struct err *err)
{
    bool fifo = strcmp(path, "sub/fifo") == 0;

    assert_int_equal(info->kind, fifo ? FS_OTHER : FS_SYMLINK);
    return see(arg, path, err);
}

/* What is no file is shown all the same, and no symlink to a directory is followed. */
static void test_walk_shows_what_is_no_file(void **state)
{
    struct seen seen = { 0 };

    (void)state;
    assert_int_equal(system("mkdir -p d/sub e && touch e/in && ln -s nowhere d/sub/gone "
                            "&& ln -s loop d/loop && ln -s ../d/loop/x d/sub/through "
                            "&& ln -s ../e d/up && mkfifo d/sub/fifo"),
                     0);
    assert_int_equal(fs_walk(NULL, "d", see_odd, &seen, NULL), 0);
    assert_seen(&seen, "loop sub/fifo sub/gone sub/through up ");
}

static void test_walk_ends_with_its_visitor(void **state)
{
    struct seen seen = { .stop_at = 1 };
    struct err err = { 0 };

    (void)state;
    assert_int_equal(system("mkdir -p d/sub && touch d/sub/a d/sub/b d/c"), 0);
    assert_int_equal(fs_walk(NULL, "d", see_file, &seen, &err), -1);
    assert_int_equal(seen.count, 1);
    assert_int_equal(err.code, ERR_DIGEST);
    assert_string_equal(err.text, "enough");
}

static void test_remove_tree(void **state)
{
    struct err err = { 0 };

    (void)state;
    assert_int_equal(
        system("mkdir -p d/sub/deep/er d/empty keep && touch d/a d/.b d/sub/c "
               "d/sub/deep/er/f keep/me && ln -s ../keep d/out "
               "&& ln -s ../keep/me d/sub/out && mkfifo d/fifo"),
        0);
    assert_int_equal(fs_remove_tree(NULL, "d", &err), 0);
    assert_false(exists("d"));
    assert_true(exists("keep/me"));
    assert_int_equal(fs_remove_tree(NULL, "d", &err), 0);
}

static void test_remove_tree_of_many(void **state)
{
    struct err err = { 0 };
    char path[32];

    (void)state;
    assert_int_equal(mkdir("d", 0755), 0);
    for (int i = 0; i < 3000; i++) {
        snprintf(path, sizeof(path), "d/file-%d", i);
        put_file(path, "");
    }
    assert_int_equal(fs_remove_tree(NULL, "d/", &err), 0);
    assert_false(exists("d"));
}

/* A link, with or without a slash behind it, is itself what goes. */
static void test_remove_tree_does_not_follow(void **state)
{
    static const char *const names[] = { "link", "link/" };
    struct err err = { 0 };

    (void)state;
    assert_int_equal(system("mkdir keep && touch keep/me"), 0);
    for (size_t i = 0; i < countof(names); i++) {
        assert_int_equal(symlink("keep", "link"), 0);
        assert_int_equal(fs_remove_tree(NULL, names[i], &err), 0);
        assert_false(exists("link"));
        assert_true(exists("keep/me"));
    }
}

/* A directory that turns into a symlink between the look and the step is not entered. */
static void test_nobody_leads_us_astray(void **state)
{
    struct seen seen = { 0 };
    struct err err = { 0 };

    (void)state;
    assert_int_equal(system("mkdir -p keep d/swap e/swap && touch keep/me"), 0);
    enemy = true;
    assert_int_equal(fs_remove_tree(NULL, "d", &err), -1);
    assert_sentence(&err, ERR_DEST, "'d/swap'", ENOTDIR);
    assert_true(exists("keep/me"));
    err_clear(&err);
    assert_int_equal(fs_walk(NULL, "e", see_file, &seen, &err), -1);
    assert_sentence(&err, ERR_SOURCE, "'e/swap'", ENOTDIR);
    assert_int_equal(seen.count, 0);
}

/* A mount of our own, which nobody else sees; not everybody may. */
static void test_remove_tree_stays_on_its_file_system(void **state)
{
    struct err err = { 0 };
    int rc;

    (void)state;
    assert_int_equal(system("mkdir -p d/sub/mounted"), 0);
    if (unshare(CLONE_NEWNS) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "d/sub/mounted", "tmpfs", 0, "size=64k") < 0)
        skip();
    put_file("d/sub/mounted/me", "");
    assert_int_equal(system("mkdir d/sub/more && touch d/sub/more/x d/sub/z d/z"), 0);
    rc = fs_remove_tree(NULL, "d", &err);
    assert_true(exists("d/sub/mounted/me"));
    assert_int_equal(umount("d/sub/mounted"), 0);
    assert_int_equal(rc, -1);
    assert_int_equal(err.code, ERR_DEST);
    assert_false(exists("d/sub/more") || exists("d/sub/z") || exists("d/z"));
    assert_non_null(strstr(err.text, "'d/sub/mounted'"));
    assert_non_null(strstr(err.text, "another file system"));
}

static void test_remove_tree_fails(void **state)
{
    struct err err = { 0 };

    (void)state;
    put_file("f", "");
    assert_int_equal(fs_remove_tree(NULL, "f/x", &err), -1);
    assert_sentence(&err, ERR_DEST, "'f/x'", ENOTDIR);
}

/* It goes with the last close, which nobody waits for; the rest goes at once. */
static void test_remove_tree_with_an_open_file(void **state)
{
    static const char *const hidden[] = {
        [LIKE_FUSE] = "d/.fuse_hidden2", [LIKE_NFS] = "d/.nfs1"
    };
    struct err err = { 0 };

    (void)state;
    for (keeping = LIKE_FUSE; keeping <= LIKE_NFS; keeping++) {
        err_clear(&err);
        assert_int_equal(system("mkdir -p d/sub && touch d/a d/open d/sub/b"), 0);
        assert_int_equal(fs_remove_tree(NULL, "d", &err), -1);
        assert_int_equal(err.code, ERR_DEST);
        assert_non_null(strstr(err.text, "'d': a program has a file in it open"));
        assert_true(exists(hidden[keeping]));
        assert_false(exists("d/a") || exists("d/sub") || exists("d/open"));
        assert_int_equal(system("rm -r d"), 0);
    }
    assert_int_equal(kept, 2); /* by the first look and by the one that may help */
}

/* Somebody's files, or those of a server that died. */
static void test_remove_tree_with_hidden_names(void **state)
{
    struct err err = { 0 };

    (void)state;
    assert_int_equal(system("mkdir -p d/.nfs3/sub d/e && touch d/.nfs1 d/.nfs3/x d/y "
                            "d/.fuse_hidden2 d/e/.nfs4 d/.nfs3/.nfs5"),
                     0);
    assert_int_equal(fs_remove_tree(NULL, "d", &err), 0);
    assert_false(exists("d"));
}

static bool thrice(void *arg)
{
    return ++*(unsigned *)arg <= 3;
}

static void test_remove_tree_while(void **state)
{
    struct err err = { 0 };
    unsigned asked = 0;

    (void)state;
    assert_int_equal(system("mkdir d && touch d/1 d/2 d/3 d/4"), 0);
    assert_int_equal(fs_remove_tree_while(NULL, "d", thrice, &asked, &err), -1);
    assert_int_equal(err.code, ERR_INTERRUPTED);
    assert_int_equal(exists("d/1") + exists("d/2") + exists("d/3") + exists("d/4"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_mkdir, reset),
        cmocka_unit_test_setup(test_remove_empty, reset),
        cmocka_unit_test_setup(test_mkdirs, reset),
        cmocka_unit_test_setup(test_mkdirs_fails, reset),
        cmocka_unit_test_setup(test_private_dir, reset),
        cmocka_unit_test_setup(test_list, reset),
        cmocka_unit_test_setup(test_walk, reset),
        cmocka_unit_test_setup(test_walk_of_nested_directories, reset),
        cmocka_unit_test_setup(test_walk_refuses, reset),
        cmocka_unit_test_setup(test_walk_shows_what_is_no_file, reset),
        cmocka_unit_test_setup(test_walk_ends_with_its_visitor, reset),
        cmocka_unit_test_setup(test_remove_tree, reset),
        cmocka_unit_test_setup(test_remove_tree_of_many, reset),
        cmocka_unit_test_setup(test_remove_tree_does_not_follow, reset),
        cmocka_unit_test_setup(test_nobody_leads_us_astray, reset),
        cmocka_unit_test_setup(test_remove_tree_stays_on_its_file_system, reset),
        cmocka_unit_test_setup(test_remove_tree_fails, reset),
        cmocka_unit_test_setup(test_remove_tree_with_an_open_file, reset),
        cmocka_unit_test_setup(test_remove_tree_with_hidden_names, reset),
        cmocka_unit_test_setup(test_remove_tree_while, reset),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
