#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/guard.h"

static const struct guard_watch hung = { 0.01, 7, "it hung", "; run it again" };

/* A file system that hangs: poll() calls a file there writable, and its writer stays. */
static int blocked = -1;

ssize_t write(int fd, const void *buf, size_t n)
{
    while (fd == blocked)
        pause();
    return syscall(SYS_write, fd, buf, n);
}

/* A process that is watched, with a pipe for each of its standard streams. */
struct ward {
    pid_t pid;
    int out, err; /* to read from */
};

static void in_ward(void (*act)(void), int out, int err)
{
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    if (guard_start(NULL) < 0)
        _exit(99);
    act();
    for (;;)
        pause();
}

static struct ward begin(void (*act)(void))
{
    struct ward ward;
    int out[2], err[2];

    assert_int_equal(pipe(out), 0);
    assert_int_equal(pipe(err), 0);
    ward.pid = fork();
    if (ward.pid == 0)
        in_ward(act, out[1], err[1]);
    assert_true(ward.pid > 0);
    close(out[1]);
    close(err[1]);
    ward.out = out[0];
    ward.err = err[0];
    return ward;
}

static int code_of(const struct ward *ward)
{
    int status;

    assert_int_equal(waitpid(ward->pid, &status, 0), ward->pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* All that came, and nothing else. */
static void assert_came(int fd, const char *wanted)
{
    char text[16384];
    size_t len = 0;
    ssize_t n;

    while ((n = read(fd, text + len, sizeof(text) - len)) > 0)
        len += (size_t)n;
    close(fd);
    assert_int_equal(len, strlen(wanted));
    assert_memory_equal(text, wanted, len);
}

static void assert_ends(void (*act)(void), int code, const char *out, const char *err)
{
    struct ward ward = begin(act);

    assert_int_equal(code_of(&ward), code);
    assert_came(ward.out, out);
    assert_came(ward.err, err);
}

static void hang(void)
{
    guard_watch(&hung);
}

static void test_ends_with_a_sentence(void **state)
{
    (void)state;
    assert_ends(hang, 7, "", "mpifetch: it hung; run it again\n");
}

static void hang_silently(void)
{
    guard_watch(&(struct guard_watch){ 0.01, 5, NULL, "; run it again" });
}

static void test_ends_without_one(void **state)
{
    (void)state;
    assert_ends(hang_silently, 5, "", "");
}

static void settle_and_hang(void)
{
    guard_watch(&hung);
    guard_settle("/data/model");
    guard_settle(NULL); /* keeps the line */
}

static void test_ends_well_once_it_is_settled(void **state)
{
    (void)state;
    assert_ends(settle_and_hang, 0, "/data/model\n",
                "mpifetch: it hung; the run has succeeded all the same\n");
}

static void print_and_hang(void)
{
    guard_watch(&hung);
    guard_settle("/data/model");
    guard_tell();
    guard_told();
}

static void test_the_line_is_written_once(void **state)
{
    (void)state;
    assert_ends(print_and_hang, 0, "",
                "mpifetch: it hung; the run has succeeded all the same\n");
}

static void hang_while_printing(void)
{
    guard_watch(&hung);
    guard_settle("/data/model");
    guard_tell();
}

static void test_a_line_that_is_not_out(void **state)
{
    (void)state;
    assert_ends(hang_while_printing, ERR_DEFECT, "",
                "mpifetch: it hung; the run has succeeded, but stdout cannot be written "
                "to\n");
}

static void hang_with_nothing_to_print(void)
{
    guard_watch(&hung);
    guard_settle(NULL);
    guard_tell();
}

static void test_no_line_is_due(void **state)
{
    (void)state;
    assert_ends(hang_with_nothing_to_print, 0, "",
                "mpifetch: it hung; the run has succeeded all the same\n");
}

static void fail_and_hang(void)
{
    guard_watch(&hung);
    guard_fail(3, "no\tsuch model");
    guard_fail(3, NULL); /* keeps the sentence */
}

static void test_ends_as_it_failed(void **state)
{
    (void)state;
    assert_ends(fail_and_hang, 3, "", "mpifetch: no?such model\nmpifetch: it hung\n");
}

static void complain_and_hang(void)
{
    fail_and_hang();
    guard_tell();
}

static void test_a_failure_is_told_once(void **state)
{
    (void)state;
    assert_ends(complain_and_hang, 3, "", "mpifetch: it hung\n");
}

static void hang_in_stderr(void)
{
    blocked = STDERR_FILENO;
    guard_watch(&hung);
}

static void test_a_write_to_stderr_that_never_returns(void **state)
{
    (void)state;
    assert_ends(hang_in_stderr, 7, "", "");
}

static void hang_in_stdout(void)
{
    blocked = STDOUT_FILENO;
    settle_and_hang();
}

static void test_a_write_to_stdout_that_never_returns(void **state)
{
    (void)state;
    assert_ends(hang_in_stdout, ERR_DEFECT, "",
                "mpifetch: it hung; the run has succeeded, but stdout cannot be written "
                "to\n");
}

static void close_and_hang(void)
{
    close(STDOUT_FILENO);
    settle_and_hang();
}

static void test_a_line_that_cannot_be_written(void **state)
{
    (void)state;
    assert_ends(close_and_hang, ERR_DEFECT, "",
                "mpifetch: it hung; the run has succeeded, but stdout cannot be written "
                "to\n");
}

static void fill_and_hang(void)
{
    char bytes[4096] = "";

    fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
    while (write(STDERR_FILENO, bytes, sizeof(bytes)) > 0)
        ;
    fcntl(STDERR_FILENO, F_SETFL, 0);
    guard_watch(&hung);
}

static void test_ends_where_nobody_listens(void **state)
{
    struct ward ward = begin(fill_and_hang);

    (void)state;
    assert_int_equal(code_of(&ward), 7);
    close(ward.out);
    close(ward.err);
}

/* Three times as long as it may hang. */
static void turn_for_a_while(void)
{
    guard_watch(&(struct guard_watch){ 1, 7, "it hung", NULL });
    for (int i = 0; i < 300; i++) {
        guard_turn();
        usleep(10000);
    }
    _exit(42);
}

static void test_what_turns_is_left_alone(void **state)
{
    (void)state;
    assert_ends(turn_for_a_while, 42, "", "");
}

/* It hangs for less than half of what it may, and is stopped in between. */
static void stop_and_go_on(void)
{
    guard_watch(&(struct guard_watch){ 3, 7, "it hung", NULL });
    usleep(600000);
    raise(SIGSTOP);
    usleep(600000);
    _exit(42);
}

static void test_what_is_stopped_does_not_hang(void **state)
{
    struct ward ward = begin(stop_and_go_on);
    int status;

    (void)state;
    assert_int_equal(waitpid(ward.pid, &status, WUNTRACED), ward.pid);
    assert_true(WIFSTOPPED(status));
    usleep(3000000); /* what is tested, not a wait for something */
    kill(ward.pid, SIGCONT);
    assert_int_equal(code_of(&ward), 42);
    assert_came(ward.out, "");
    assert_came(ward.err, "");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends_with_a_sentence),
        cmocka_unit_test(test_ends_without_one),
        cmocka_unit_test(test_ends_well_once_it_is_settled),
        cmocka_unit_test(test_the_line_is_written_once),
        cmocka_unit_test(test_a_line_that_is_not_out),
        cmocka_unit_test(test_no_line_is_due),
        cmocka_unit_test(test_ends_as_it_failed),
        cmocka_unit_test(test_a_failure_is_told_once),
        cmocka_unit_test(test_a_write_to_stderr_that_never_returns),
        cmocka_unit_test(test_a_write_to_stdout_that_never_returns),
        cmocka_unit_test(test_a_line_that_cannot_be_written),
        cmocka_unit_test(test_ends_where_nobody_listens),
        cmocka_unit_test(test_what_turns_is_left_alone),
        cmocka_unit_test(test_what_is_stopped_does_not_hang),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
