/* io/process.c, io/heartbeat.c and io/append.c: who lives, and what is seen of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/text.h"
#include "io/append.h"
#include "io/clock.h"
#include "io/heartbeat.h"
#include "io/process.h"
#include "scratch_dir.h"

enum { PATIENCE = 60 }; /* seconds until something that must happen counts as missing */

static void test_this_one_lives(void **state)
{
    struct owner_process here;

    (void)state;
    process_here(&here);
    assert_int_equal(here.pid, getpid());
    assert_string_not_equal(here.boot, "-");
    assert_string_not_equal(here.space, "-");
    assert_true(here.start > 0);
    assert_true(process_lives(NULL, here.pid, here.start));
    /* the same number, but somebody else's */
    assert_false(process_lives(NULL, here.pid, here.start + 1));
    /* of which nothing is known */
    assert_true(process_lives(NULL, here.pid, 0));
    assert_true(process_lives(NULL, 0, here.start));
    assert_true(process_lives(NULL, UINT64_MAX, here.start));
}

/* It has written all that it ever will, whether anybody has asked how it ended or not. */
static void test_a_dead_one_does_not(void **state)
{
    double until = clock_now() + PATIENCE;
    struct owner_process child;
    pid_t pid;

    (void)state;
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        pause();
        _exit(0);
    }
    process_here(&child);
    child.pid = (uint64_t)pid;
    /* it began with this process or later: found by asking */
    while (!process_lives(NULL, child.pid, child.start) && clock_now() < until)
        child.start++;
    assert_true(clock_now() < until);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_true(process_lives(NULL, child.pid, child.start));
    assert_int_equal(kill(pid, SIGKILL), 0);
    while (process_lives(NULL, child.pid, child.start))
        assert_true(clock_now() < until);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_false(process_lives(NULL, child.pid, child.start));
}

static void test_the_job(void **state)
{
    struct owner_job job;

    (void)state;
    unsetenv("SLURM_JOB_ID");
    process_job(&job);
    assert_int_equal(job.id, 0);
    setenv("SLURM_JOB_ID", "12", 1);
    setenv("SLURM_RESTART_COUNT", "3", 1);
    setenv("SLURM_CLUSTER_NAME", "a b", 1);
    process_job(&job);
    assert_int_equal(job.id, 12);
    assert_int_equal(job.restart, 3);
    assert_string_equal(job.cluster, "a");
    setenv("SLURM_JOB_ID", "x", 1);
    process_job(&job);
    assert_int_equal(job.id, 0);
}

static void wait_for_more(const char *path, uint64_t than)
{
    double until = clock_now() + PATIENCE;
    uint64_t number = than;

    while (!heartbeat_read(path, &number) || number <= than)
        assert_true(clock_now() < until);
}

static void test_the_number_grows(void **state)
{
    double until = clock_now() + PATIENCE;
    struct heartbeat *beat;
    uint64_t number;

    (void)state;
    assert_false(heartbeat_read("a/beat", &number));
    assert_int_equal(mkdir("a", 0777), 0);
    assert_int_equal(heartbeat_start(&beat, "a/beat", NULL), 0);
    assert_true(heartbeat_read("a/beat", &number));
    wait_for_more("a/beat", number);
    assert_int_equal(rename("a", "b"), 0);
    assert_int_equal(heartbeat_move(beat, "b/beat", NULL), 0);
    assert_true(heartbeat_read("b/beat", &number));
    wait_for_more("b/beat", number);
    assert_false(heartbeat_lost(beat));
    assert_int_equal(rename("b", "c"), 0);
    while (!heartbeat_lost(beat))
        assert_true(clock_now() < until);
    heartbeat_stop(beat);
    assert_int_not_equal(access("b", F_OK), 0);
    heartbeat_stop(NULL);
    assert_false(heartbeat_lost(NULL));
}

/* A process of its own with a beat at that path, which it keeps. */
static pid_t start_beating(const char *path, bool hushed)
{
    pid_t pid = fork();
    struct heartbeat *beat;

    if (pid > 0)
        return pid;
    if (hushed)
        heartbeat_hush();
    if (heartbeat_start(&beat, path, NULL) < 0)
        _exit(1);
    for (;;)
        pause();
}

/* The other, which began later, tells how long to wait. */
static void test_a_process_that_is_hushed_beats_no_more(void **state)
{
    const pid_t pids[] = { start_beating("hushed", true), start_beating("loud", false) };
    uint64_t number;

    (void)state;
    wait_for_more("loud", 1);
    assert_true(heartbeat_read("hushed", &number));
    assert_int_equal(number, 0);
    for (int i = 0; i < 2; i++) {
        kill(pids[i], SIGKILL);
        assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
    }
}

static void test_no_number(void **state)
{
    uint64_t number;

    (void)state;
    put_file("x", "12 monkeys\n");
    assert_false(heartbeat_read("x", &number));
    put_file("y", "");
    assert_false(heartbeat_read("y", &number));
    put_file("z", "12");
    assert_true(heartbeat_read("z", &number));
    assert_int_equal(number, 12);
}

static void test_nowhere_to_beat(void **state)
{
    struct err err = { 0 };
    struct heartbeat *beat;

    (void)state;
    assert_int_equal(heartbeat_start(&beat, "none/beat", &err), -1);
    assert_null(beat);
    assert_int_equal(err.code, ERR_DEST);
}

enum { LINES = 1000 };

static void *write_lines(void *append)
{
    static const char line[] = "0123456789012345678901234567890123456789\n";

    for (int i = 0; i < LINES; i++)
        if (append_line(append, line, strlen(line), NULL) < 0)
            return append;
    return NULL;
}

static void test_lines_of_several_threads(void **state)
{
    struct append *append;
    pthread_t threads[3];
    struct stat st;
    void *failed;

    (void)state;
    assert_int_equal(append_open(&append, "lines", NULL), 0);
    assert_int_not_equal(access("lines", F_OK), 0);
    for (size_t i = 0; i < countof(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, append), 0);
    for (size_t i = 0; i < countof(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    append_close(append);
    assert_int_equal(stat("lines", &st), 0);
    assert_int_equal(st.st_size, countof(threads) * LINES * 41);
    assert_int_equal(system("test $(sort -u lines | wc -l) = 1"), 0);
}

/* Behind a line that may be half there nothing more is written. */
static void test_nothing_after_an_error(void **state)
{
    struct append *append;
    struct err err = { 0 };

    (void)state;
    assert_int_equal(append_open(&append, "later/lines", NULL), 0);
    assert_int_equal(append_line(append, "x\n", 2, &err), -1);
    assert_sentence(&err, ERR_DEST, "'later/lines'", ENOENT);
    assert_int_equal(mkdir("later", 0777), 0);
    assert_int_equal(append_line(append, "y\n", 2, NULL), -1);
    assert_int_not_equal(access("later/lines", F_OK), 0);
    append_close(append);
    append_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_this_one_lives),
        cmocka_unit_test(test_a_dead_one_does_not),
        cmocka_unit_test(test_the_job),
        cmocka_unit_test(test_the_number_grows),
        cmocka_unit_test(test_a_process_that_is_hushed_beats_no_more),
        cmocka_unit_test(test_no_number),
        cmocka_unit_test(test_nowhere_to_beat),
        cmocka_unit_test(test_lines_of_several_threads),
        cmocka_unit_test(test_nothing_after_an_error),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
