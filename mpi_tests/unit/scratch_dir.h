/* scratch_dir.h -- a fresh directory that is the current one while the tests of a program
 * run, for tests of what touches files. */
#ifndef SCRATCH_DIR_H
#define SCRATCH_DIR_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char scratch_path[] = "/tmp/mpifetch-unit-XXXXXX";

static int scratch_enter(void **state)
{
    (void)state;
    return mkdtemp(scratch_path) && chdir(scratch_path) == 0 ? 0 : -1;
}

/* By the system's rm, since ours is among what is tested. */
static int scratch_leave(void **state)
{
    char command[sizeof(scratch_path) + 16];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", scratch_path);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static inline void put_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

static inline void assert_file(const char *path, const char *text)
{
    char found[256] = "";
    int fd = open(path, O_RDONLY);

    assert_true(fd >= 0);
    assert_true(read(fd, found, sizeof(found) - 1) >= 0);
    close(fd);
    assert_string_equal(found, text);
}

/* The sentence has the code, names the object, and ends with the reason. */
static inline void assert_sentence(const struct err *err, enum err_code code,
                                   const char *object, int reason)
{
    const char *end = strerror(reason);
    size_t len = strlen(err->text);

    assert_int_equal(err->code, code);
    assert_non_null(strstr(err->text, object));
    assert_true(len >= strlen(end));
    assert_string_equal(err->text + len - strlen(end), end);
}

#endif
