/* Files one at a time: what is written is read back, and what fails says which
 * file and why. Three system calls stand in below, for the answers a healthy disk
 * does not give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "io/fs/fs_fresh.h"
#include "scratch_dir.h"

/* The next answers: bytes at most, 0, or -errno; EVERY: the real call. */
enum { EVERY = INT_MAX };

static struct script {
    int answer[4];
    unsigned at, calls;
} write_script;

static int next_answer(struct script *script)
{
    script->calls++;
    return script->at < countof(script->answer) ? script->answer[script->at++] : EVERY;
}

static void play(struct script *script, int first, int second, int third)
{
    *script = (struct script){ .answer = { first, second, third, EVERY } };
}

static size_t capped(int answer, size_t len)
{
    return (size_t)answer < len ? (size_t)answer : len;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    int answer = next_answer(&write_script);

    if (answer > 0)
        return syscall(SYS_pwrite64, fd, bytes, capped(answer, len), at);
    errno = -answer;
    return answer < 0 ? -1 : 0;
}

static unsigned late_parents; /* still to be made while somebody sleeps */

/* What the disk says of what it was given. */
static int verdict;

static int told(int rc)
{
    errno = verdict;
    return verdict ? -1 : rc;
}

int fsync(int fd)
{
    return told((int)syscall(SYS_fsync, fd));
}

int syncfs(int fd)
{
    return told((int)syscall(SYS_syncfs, fd));
}

int close(int fd)
{
    return told((int)syscall(SYS_close, fd));
}

int nanosleep(const struct timespec *wanted, struct timespec *left)
{
    if (late_parents > 0)
        mkdir(late_parents-- == 2 ? "late" : "late/er", 0755);
    return (int)syscall(SYS_nanosleep, wanted, left);
}

static int healthy(void **state)
{
    (void)state;
    play(&write_script, EVERY, EVERY, EVERY);
    return 0;
}

static void test_look(void **state)
{
    static const struct {
        const char *path;
        enum fs_kind kind;
    } rows[] = {
        { "look.file", FS_FILE },      { "look.dir", FS_DIRECTORY },
        { "look.link", FS_SYMLINK },   { "look.fifo", FS_OTHER },
        { "look.none", FS_MISSING },   { "look.none/x", FS_MISSING },
        { "look.file/x", FS_MISSING },
    };
    struct fs_info info;
    struct err err = { 0 };

    (void)state;
    put_file("look.file", "12345");
    assert_int_equal(mkdir("look.dir", 0755), 0);
    assert_int_equal(symlink("nowhere", "look.link"), 0);
    assert_int_equal(mkfifo("look.fifo", 0644), 0);
    for (size_t i = 0; i < countof(rows); i++) {
        assert_int_equal(fs_look(NULL, rows[i].path, &info, &err), 0);
        assert_int_equal(info.kind, rows[i].kind);
    }
    assert_int_equal(fs_look(NULL, "look.file", &info, &err), 0);
    assert_int_equal(info.size, 5);
    assert_int_equal(info.uid, geteuid());
}

static void test_look_open(void **state)
{
    struct fs_info info;
    struct err err = { 0 };
    int fd;

    (void)state;
    put_file("behind", "123");
    assert_int_equal(symlink("behind", "in.front"), 0);
    fd = fs_open_read(NULL, "in.front", &err);
    assert_int_equal(fs_look_open(fd, NULL, "in.front", &info, &err), 0);
    assert_int_equal(info.kind, FS_FILE);
    assert_int_equal(info.size, 3);
    close(fd);
    assert_int_equal(fs_look_open(fd, NULL, "in.front", &info, &err), -1);
    assert_sentence(&err, ERR_DEST, "'in.front'", EBADF);
}

static void test_look_fresh(void **state)
{
    struct fs_info info, same;
    struct err err = { 0 };

    (void)state;
    put_file("fresh", "1234");
    assert_int_equal(symlink("fresh", "fresh.link"), 0);
    assert_int_equal(fs_set_mtime(NULL, "fresh", 1234567890123456789, &err), 0);
    assert_int_equal(fs_look(NULL, "fresh", &same, &err), 0);
    assert_int_equal(fs_look_fresh("fresh.link", &info, &err), 0);
    assert_int_equal(info.kind, FS_FILE);
    assert_int_equal(info.size, 4);
    assert_int_equal(info.mtime_ns, same.mtime_ns);
    assert_int_equal(fs_look_fresh("fresh.none", &info, &err), 0);
    assert_int_equal(info.kind, FS_MISSING);
}

static void test_look_fails(void **state)
{
    char name[NAME_MAX + 2];
    struct fs_info info;
    struct err err = { 0 };

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(fs_look(NULL, name, &info, &err), -1);
    assert_sentence(&err, ERR_DEST, name, ENAMETOOLONG);
}

static void test_mtime(void **state)
{
    static const int64_t rows[] = { 0,  1,           1700000000123456789,
                                    -1, -1000000000, -1500000000 };
    struct fs_info info;
    struct err err = { 0 };

    (void)state;
    put_file("time", "");
    for (size_t i = 0; i < countof(rows); i++) {
        assert_int_equal(fs_set_mtime(NULL, "time", rows[i], &err), 0);
        assert_int_equal(fs_look(NULL, "time", &info, &err), 0);
        assert_true(info.mtime_ns == rows[i]);
    }
    assert_int_equal(fs_set_mtime(NULL, "time.none", 0, &err), -1);
    assert_sentence(&err, ERR_DEST, "'time.none'", ENOENT);
}

/* A year that 64 bits of nanoseconds do not hold is as far as they go, not a wrap. */
static void test_mtime_is_clamped(void **state)
{
    struct stat st = { .st_mode = S_IFREG };

    (void)state;
    st.st_mtim.tv_sec = INT64_MAX;
    assert_true(fs_info_of(&st).mtime_ns == INT64_MAX);
    st.st_mtim.tv_sec = INT64_MIN;
    assert_true(fs_info_of(&st).mtime_ns == INT64_MIN);
}

static void test_write_and_read(void **state)
{
    char back[8] = "";
    struct err err = { 0 };
    int fd = fs_open_write(NULL, "rw", &err);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(fs_pwrite(fd, NULL, "rw", "efgh", 4, 4, &err), 0);
    assert_int_equal(fs_pwrite(fd, NULL, "rw", "abcd", 4, 0, &err), 0);
    assert_int_equal(fs_pread(fd, NULL, "rw", back, 6, 1, &err), 0);
    assert_string_equal(back, "bcdefg");
    assert_int_equal(fs_set_size(fd, NULL, "rw", 3, &err), 0);
    assert_int_equal(fs_sync(fd, NULL, "rw", &err), 0);
    assert_int_equal(fs_close(fd, NULL, "rw", &err), 0);
    assert_file("rw", "abc");
    assert_int_equal(fs_sync_path(NULL, "rw", &err), 0);
    assert_int_equal(fs_sync_path(NULL, ".", &err), 0);
    assert_int_equal(fs_sync_system(NULL, "rw", &err), 0);
}

static void test_read_beyond_the_end(void **state)
{
    char back[8];
    struct err err = { 0 };
    int fd;

    (void)state;
    put_file("short", "abc");
    fd = fs_open_read(NULL, "short", &err);
    assert_true(fd >= 0);
    assert_int_equal(fs_pread(fd, NULL, "short", back, 8, 0, &err), -1);
    assert_int_equal(err.code, ERR_DEST);
    assert_non_null(strstr(err.text, "'short'"));
    assert_non_null(strstr(err.text, "ends at or before 3"));
    close(fd);
}

/* Interrupted, short, interrupted, the rest. */
static void test_write_in_pieces(void **state)
{
    struct err err = { 0 };
    int fd = fs_open_write(NULL, "pieces", &err);

    (void)state;
    play(&write_script, -EINTR, 3, -EINTR);
    assert_int_equal(fs_pwrite(fd, NULL, "pieces", "abcdefgh", 8, 0, &err), 0);
    assert_int_equal(write_script.calls, 4);
    close(fd);
    assert_file("pieces", "abcdefgh");
}

static void test_write_fails(void **state)
{
    static const struct {
        int answer, reason;
    } rows[] = { { -ENOSPC, ENOSPC }, { -EDQUOT, EDQUOT }, { -EIO, EIO }, { 0, EIO } };
    struct err err;
    int fd = fs_open_write(NULL, "full", NULL);

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        err = (struct err){ 0 };
        play(&write_script, 3, rows[i].answer, EVERY);
        assert_int_equal(fs_pwrite(fd, NULL, "full", "abcdefgh", 8, 100, &err), -1);
        assert_sentence(&err, ERR_DEST, "'full' at 103", rows[i].reason);
    }
    close(fd);
}

static void test_full_device(void **state)
{
    struct err err = { 0 };
    int fd = open("/dev/full", O_RDWR);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(fs_pwrite(fd, NULL, "/dev/full", "abc", 3, 0, &err), -1);
    assert_sentence(&err, ERR_DEST, "'/dev/full'", ENOSPC);
    assert_non_null(strstr(err.text, "3 more bytes"));
    close(fd);
}

static void test_open_write_refuses(void **state)
{
    struct err err = { 0 };

    (void)state;
    put_file("open.file", "keep");
    assert_int_equal(symlink("open.file", "open.link"), 0);
    assert_int_equal(fs_open_write(NULL, "open.link", &err), -1);
    assert_sentence(&err, ERR_DEST, "'open.link'", ELOOP);
    err_clear(&err);
    assert_int_equal(fs_open_write(NULL, "open.file/x", &err), -1);
    assert_sentence(&err, ERR_DEST, "'open.file/x'", ENOTDIR);
    err_clear(&err);
    assert_int_equal(fs_open_read(NULL, "open.none", &err), -1);
    assert_sentence(&err, ERR_DEST, "'open.none'", ENOENT);
}

/* Somebody else makes the parents, one in each of its pauses. */
static void test_open_write_waits_for_a_parent(void **state)
{
    struct err err = { 0 };
    int fd;

    (void)state;
    late_parents = 2;
    fd = fs_open_write(NULL, "late/er/file", &err);
    assert_int_equal(late_parents, 0);
    assert_true(fd >= 0);
    close(fd);
}

static void test_open_write_does_not_wait_for_ever(void **state)
{
    struct err err = { 0 };

    (void)state;
    assert_int_equal(fs_open_write(NULL, "never/file", &err), -1);
    assert_sentence(&err, ERR_DEST, "'never/file'", ENOENT);
}

static void test_space(void **state)
{
    struct fs_space space = { 0 };
    struct statvfs vfs;
    struct err err = { 0 };

    (void)state;
    assert_int_equal(fs_space(NULL, "/proc", &space, &err), 0);
    assert_true(space.bytes == UINT64_MAX);  /* it has no size, which is not a full one */
    assert_true(space.inodes == UINT64_MAX); /* proc counts none */
    assert_int_equal(fs_space(NULL, ".", &space, &err), 0);
    assert_int_equal(statvfs(".", &vfs), 0);
    assert_true(space.bytes > 0);
    assert_true(space.bytes <= (uint64_t)vfs.f_blocks * vfs.f_frsize);
    assert_int_equal(fs_space(NULL, "space.none", &space, &err), -1);
    assert_sentence(&err, ERR_DEST, "'space.none'", ENOENT);
}

static void test_a_disk_that_did_not_take_it(void **state)
{
    struct err err[5] = { { .code = ERR_NONE },
                          { .code = ERR_NONE },
                          { .code = ERR_NONE },
                          { .code = ERR_NONE },
                          { ERR_SOURCE, .text = "before" } };
    int fd = fs_open_write(NULL, "u", NULL), rc[5];

    (void)state;
    verdict = EIO;
    rc[0] = fs_sync(fd, NULL, "u", &err[0]);
    rc[1] = fs_sync_system(NULL, "u", &err[1]);
    rc[2] = fs_close(fd, NULL, "u", &err[2]);
    rc[3] = fs_write_all(NULL, "v", "x", 1, true, true, &err[3]);
    rc[4] = fs_close(dup(0), NULL, "u", &err[4]);
    verdict = 0;
    for (unsigned i = 0; i < countof(rc); i++) {
        assert_int_equal(rc[i], -1);
        assert_true(err[i].unsure);
    }
    assert_int_equal(err[3].code, ERR_DEST);
    assert_string_equal(err[4].text, "before");
    err_clear(&err[0]);
    assert_int_equal(fs_open_read(NULL, "none", &err[0]), -1);
    assert_false(err[0].unsure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_look),
        cmocka_unit_test(test_look_open),
        cmocka_unit_test(test_look_fresh),
        cmocka_unit_test(test_look_fails),
        cmocka_unit_test(test_mtime),
        cmocka_unit_test(test_mtime_is_clamped),
        cmocka_unit_test(test_write_and_read),
        cmocka_unit_test(test_read_beyond_the_end),
        cmocka_unit_test_setup(test_write_in_pieces, healthy),
        cmocka_unit_test_teardown(test_write_fails, healthy),
        cmocka_unit_test(test_full_device),
        cmocka_unit_test(test_a_disk_that_did_not_take_it),
        cmocka_unit_test(test_open_write_refuses),
        cmocka_unit_test(test_open_write_waits_for_a_parent),
        cmocka_unit_test(test_open_write_does_not_wait_for_ever),
        cmocka_unit_test(test_space),
    };

    healthy(NULL);
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
