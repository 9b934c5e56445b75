/* Copies of a part of a file: the same bytes whoever moves them. One system call stands
 * in below, for kernels that do none or a part of the work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <sys/syscall.h>

#include <xxhash.h>

#include "base/text.h"
#include "io/fs/file_copy.h"
#include "io/fs/fs.h"
#include "scratch_dir.h"

/* The next answers of the kernel: bytes at most, 0, or -errno; EVERY: the real call. */
enum { EVERY = INT_MAX, ANSWERS = 3 };

static int answers[ANSWERS];
static unsigned calls;

ssize_t copy_file_range(int from, off_t *at, int to, off_t *to_at, size_t len,
                        unsigned flags)
{
    int answer = calls < ANSWERS ? answers[calls] : EVERY;

    calls++;
    if (answer > 0)
        return syscall(SYS_copy_file_range, from, at, to, to_at,
                       (size_t)answer < len ? (size_t)answer : len, flags);
    errno = -answer;
    return answer < 0 ? -1 : 0;
}

enum { SIZE = 3 << 20, FROM = 12345, TO = 77, LEN = (2 << 20) + 4321 };

static char *put_source(void)
{
    char *bytes = malloc(SIZE);
    int fd = open("from", O_WRONLY | O_CREAT | O_TRUNC, 0644);

    assert_non_null(bytes);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 31 + i / 977);
    assert_int_equal(write(fd, bytes, SIZE), SIZE);
    close(fd);
    return bytes;
}

static void assert_copied(const char *bytes)
{
    char *back = malloc(LEN);
    int fd = open("to", O_RDONLY);

    assert_int_equal(lseek(fd, 0, SEEK_END), TO + LEN);
    assert_int_equal(pread(fd, back, LEN, TO), LEN);
    assert_memory_equal(back, bytes + FROM, LEN);
    close(fd);
    assert_int_equal(unlink("to"), 0);
    free(back);
}

static const struct file_copy copy = { NULL, NULL, "from", "to", FROM, TO, LEN, false };

/* All of the work by the kernel, nothing, or a part. */
static void test_copy(void **state)
{
    static const int rows[][ANSWERS] = {
        { EVERY, EVERY, EVERY },   { -EXDEV, EVERY, EVERY },
        { -ENOSYS, EVERY, EVERY }, { -EOPNOTSUPP, EVERY, EVERY },
        { 0, EVERY, EVERY },       { 1000, 0, EVERY },
        { -EINTR, 70000, -EXDEV },
    };
    char *bytes = put_source();

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        memcpy(answers, rows[i], sizeof(answers));
        calls = 0;
        assert_int_equal(file_copy(&copy, NULL), 0);
        assert_true(calls > 0);
        assert_copied(bytes);
    }
    free(bytes);
}

/* The kernel would copy what nobody has looked at. */
static void test_sum(void **state)
{
    char *bytes = put_source();

    (void)state;
    for (int direct = 0; direct < 2; direct++) {
        struct file_copy either = copy;
        uint64_t sum = 0;

        either.direct = direct != 0;
        calls = 0;
        assert_int_equal(file_copy_sum(&either, &sum, NULL), 0);
        assert_int_equal(calls, 0);
        assert_true(sum == XXH3_64bits(bytes + FROM, LEN));
        assert_copied(bytes);
    }
    free(bytes);
}

/* The sentence blames the file that is to blame. */
static void test_fails(void **state)
{
    static const struct file_copy
        missing = { NULL, NULL, "none", "to", 0, 0, 1, false },
        short_one = { NULL, NULL, "tiny", "to", 1, 0, 5, false },
        full = { NULL, NULL, "tiny", "/dev/full", 0, 0, 3, false };
    struct err err = { 0 };
    uint64_t sum;

    (void)state;
    put_file("tiny", "abc");
    assert_int_equal(file_copy(&missing, &err), -1);
    assert_sentence(&err, ERR_DEST, "open 'none'", ENOENT);
    assert_int_equal(access("to", F_OK), -1);
    err_clear(&err);
    assert_int_equal(file_copy(&short_one, &err), -1);
    assert_int_equal(err.code, ERR_DEST);
    assert_non_null(strstr(err.text, "read 'tiny'"));
    err_clear(&err);
    assert_int_equal(file_copy(&full, &err), -1);
    assert_sentence(&err, ERR_DEST, "write '/dev/full'", ENOSPC);
    err_clear(&err);
    assert_int_equal(file_copy_sum(&full, &sum, &err), -1);
    assert_sentence(&err, ERR_DEST, "write '/dev/full'", ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_sum),
        cmocka_unit_test(test_fails),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
