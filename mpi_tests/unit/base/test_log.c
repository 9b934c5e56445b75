#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

/* stderr is a pipe for the time of a test; what was written can be read back at once. */
struct capture {
    int saved, from, to;
    char text[8192];
};

static void capture_begin(struct capture *capture)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    capture->saved = dup(STDERR_FILENO);
    assert_true(capture->saved >= 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    capture->from = ends[0];
    capture->to = ends[1];
}

static const char *capture_end(struct capture *capture)
{
    size_t len = 0;
    ssize_t n;

    dup2(capture->saved, STDERR_FILENO);
    close(capture->saved);
    close(capture->to);
    while ((n = read(capture->from, capture->text + len,
                     sizeof(capture->text) - 1 - len)) > 0)
        len += (size_t)n;
    close(capture->from);
    capture->text[len] = '\0';
    return capture->text;
}

static void drops_lines_above_its_level(void **state)
{
    const struct log log = { .level = LOG_WARN, .rank = -1 };
    struct capture capture;

    (void)state;
    capture_begin(&capture);
    log_line(&log, LOG_DEBUG, "debug");
    log_line(&log, LOG_INFO, "info");
    log_line(&log, LOG_WARN, "warn %d", 1);
    log_line(&log, LOG_ERROR, "error %s", "x");
    assert_string_equal(capture_end(&capture), "mpifetch: warn 1\nmpifetch: error x\n");
}

static void names_the_rank(void **state)
{
    struct log log = { .level = LOG_INFO, .rank = 0 };
    struct capture capture;

    (void)state;
    capture_begin(&capture);
    log_line(&log, LOG_INFO, "a");
    log.rank = 17;
    log_line(&log, LOG_INFO, "b");
    assert_string_equal(capture_end(&capture),
                        "mpifetch: rank 0: a\nmpifetch: rank 17: b\n");
}

static void clears_the_bar_first(void **state)
{
    const struct log log = { .level = LOG_INFO, .rank = -1, .bar = true };
    struct capture capture;

    (void)state;
    capture_begin(&capture);
    log_line(&log, LOG_INFO, "a");
    assert_string_equal(capture_end(&capture), "\r\033[Kmpifetch: a\n");
}

/* What a server sends must not move the cursor or begin a line of its own. */
static void masks_control_characters(void **state)
{
    const struct log log = { .level = LOG_INFO, .rank = -1 };
    struct capture capture;

    (void)state;
    capture_begin(&capture);
    log_line(&log, LOG_INFO,
             "a\nb\r\033[2J\xc2\x9b"
             "c\xff\xc3\xbc");
    log_raw("\rraw\n");
    assert_string_equal(capture_end(&capture), "mpifetch: a?b??[2J?c?\xc3\xbc\n\rraw\n");
}

/* POSIX promises whole writes to a pipe for PIPE_BUF, which is 4096 here, and no more. */
static void a_long_line_is_cut_to_one_write(void **state)
{
    const struct log log = { .level = LOG_INFO, .rank = 2147483647, .bar = true };
    struct capture capture;
    char longer[6000];
    const char *got;
    size_t len;

    (void)state;
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    capture_begin(&capture);
    log_line(&log, LOG_INFO, "%s", longer);
    got = capture_end(&capture);
    len = strlen(got);
    assert_true(len > 3900 && len <= 4096);
    assert_string_equal(got + len - 5, "x...\n");
}

static void keeps_errno_and_survives_a_closed_stderr(void **state)
{
    const struct log log = { .level = LOG_INFO, .rank = -1 };
    int saved = dup(STDERR_FILENO);

    (void)state;
    assert_true(saved >= 0);
    close(STDERR_FILENO);
    errno = ENOENT;
    log_line(&log, LOG_INFO, "nobody hears this");
    log_raw("nor this");
    assert_int_equal(errno, ENOENT);
    dup2(saved, STDERR_FILENO);
    close(saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drops_lines_above_its_level),
        cmocka_unit_test(names_the_rank),
        cmocka_unit_test(clears_the_bar_first),
        cmocka_unit_test(masks_control_characters),
        cmocka_unit_test(a_long_line_is_cut_to_one_write),
        cmocka_unit_test(keeps_errno_and_survives_a_closed_stderr),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
