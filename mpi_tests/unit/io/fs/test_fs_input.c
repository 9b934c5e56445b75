/* Files that a user names: regular, or a pipe that is written to, late or never. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/fs/fs_input.h"

static char dir[] = "/tmp/test_input_XXXXXX";
static char path[64];

static const struct fs_wait short_wait = { .patience = 0.2 };
static const struct fs_wait long_wait = { .patience = 100 };

static int before_each(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/test_input_XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/it", dir);
    return 0;
}

static int after_each(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static void expect(const char *name, const char *wanted)
{
    char *bytes;
    size_t len;
    struct err err = { 0 };

    if (fs_read_input(name, 1 << 20, &long_wait, &bytes, &len, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(len, strlen(wanted));
    assert_string_equal(bytes, wanted);
    free(bytes);
}

static void expect_failure(const char *name, const struct fs_wait *wait,
                           enum err_code code, const char *says)
{
    char *bytes;
    size_t len;
    struct err err = { 0 };

    assert_int_equal(fs_read_input(name, 5, wait, &bytes, &len, &err), -1);
    assert_null(bytes);
    assert_int_equal(err.code, code);
    if (!strstr(err.text, says))
        fail_msg("'%s' does not say '%s'", err.text, says);
}

static void put(const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void test_regular(void **state)
{
    (void)state;
    expect_failure(path, &short_wait, ERR_DEST, "No such file");
    put("");
    expect(path, "");
    put("12345");
    expect(path, "12345");
    put("123456");
    expect_failure(path, &short_wait, ERR_DEST, "more than 5 bytes");
    expect("/dev/null", "");
    expect_failure(dir, &short_wait, ERR_DEST, "it is a directory");
}

/* As the shell leaves it for <(command) where the command has ended already. */
static void test_pipe_whose_writer_has_gone(void **state)
{
    int ends[2];
    char name[32];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    close(ends[1]);
    snprintf(name, sizeof(name), "/dev/fd/%d", ends[0]);
    expect(name, "abc");
    close(ends[0]);
}

static void *write_late(void *arg)
{
    int fd = open(path, O_WRONLY); /* waits for the reader */

    (void)arg;
    for (int i = 0; i < 3; i++) {
        if (write(fd, "piece ", 6) != 6)
            break;
        usleep(1000);
    }
    close(fd);
    return NULL;
}

static void test_pipe_that_is_opened_late(void **state)
{
    pthread_t writer;

    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(pthread_create(&writer, NULL, write_late, NULL), 0);
    expect(path, "piece piece piece ");
    pthread_join(writer, NULL);
}

static void *open_and_close(void *arg)
{
    (void)arg;
    close(open(path, O_WRONLY));
    return NULL;
}

static void test_pipe_that_stays_empty(void **state)
{
    pthread_t writer;

    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(pthread_create(&writer, NULL, open_and_close, NULL), 0);
    expect(path, "");
    pthread_join(writer, NULL);
}

static int stop(void *arg)
{
    return --*(int *)arg > 0 ? 0 : -1;
}

static void test_pipe_that_nobody_writes_to(void **state)
{
    int looks = 3;
    const struct fs_wait wait = { .patience = 100, .poll = stop, .arg = &looks };
    int fd;

    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_failure(path, &short_wait, ERR_DEST, "nothing was written to it for 0.2 s");
    expect_failure(path, &wait, ERR_INTERRUPTED, "interrupted");
    /* somebody holds it open, and says nothing */
    fd = open(path, O_RDWR);
    looks = 3;
    expect_failure(path, &short_wait, ERR_DEST, "nothing was written to it for 0.2 s");
    expect_failure(path, &wait, ERR_INTERRUPTED, "interrupted");
    close(fd);
}

struct taken {
    size_t bytes, most; /* in all, and in one piece */
    uint64_t sum;
    int left; /* pieces until it says no; 0: never */
};

static int take(void *arg, const char *bytes, size_t len, struct err *err)
{
    struct taken *taken = arg;

    for (size_t i = 0; i < len; i++)
        taken->sum = taken->sum * 31 + (unsigned char)bytes[i];
    taken->bytes += len;
    taken->most = len > taken->most ? len : taken->most;
    return --taken->left == 0 ? err_set(err, ERR_SOURCE, "enough") : 0;
}

/* Of a long file a small part is in memory at a time. */
static void test_stream(void **state)
{
    enum { LONG = 1000003 };
    char *text = malloc(LONG);
    struct taken whole = { 0 }, pieces = { 0 }, ended = { .left = 2 };
    struct err err = { 0 };
    FILE *file = fopen(path, "w");

    (void)state;
    assert_non_null(text);
    assert_non_null(file);
    for (size_t i = 0; i < LONG; i++)
        text[i] = (char)(i * 7 + i / 1000);
    assert_int_equal(fwrite(text, 1, LONG, file), LONG);
    assert_int_equal(fclose(file), 0);
    take(&whole, text, LONG, NULL);
    assert_int_equal(fs_stream_input(path, &short_wait, take, &pieces, &err), 0);
    assert_int_equal(pieces.bytes, LONG);
    assert_true(pieces.sum == whole.sum);
    assert_in_range(pieces.most, 1, LONG / 10);
    assert_int_equal(fs_stream_input(path, &short_wait, take, &ended, &err), -1);
    assert_string_equal(err.text, "enough");
    assert_in_range(ended.bytes, 1, LONG / 5);
    free(text);
}

static void test_stream_of_a_pipe(void **state)
{
    pthread_t writer;
    struct taken taken = { 0 };
    struct err err = { 0 };

    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(fs_stream_input(path, &short_wait, take, &taken, &err), -1);
    assert_non_null(strstr(err.text, "nothing was written to it for 0.2 s"));
    assert_int_equal(pthread_create(&writer, NULL, write_late, NULL), 0);
    assert_int_equal(fs_stream_input(path, &long_wait, take, &taken, NULL), 0);
    assert_int_equal(taken.bytes, 18);
    pthread_join(writer, NULL);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, before_each, after_each)
    const struct CMUnitTest tests[] = {
        CASE(test_regular),
        CASE(test_pipe_whose_writer_has_gone),
        CASE(test_pipe_that_is_opened_late),
        CASE(test_pipe_that_stays_empty),
        CASE(test_pipe_that_nobody_writes_to),
        CASE(test_stream),
        CASE(test_stream_of_a_pipe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
