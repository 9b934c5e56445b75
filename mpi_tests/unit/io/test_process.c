/* io/process.c, io/heartbeat.c and io/append.c: who lives, and what is seen of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/text.h"
#include "io/append.h"
#include "io/clock.h"
#include "io/heartbeat.h"
#include "io/process.h"
#include "scratch_dir.h"

enum { PATIENCE = 300 }; /* seconds until something that must happen counts as missing */

/* Between two looks at something that goes on by itself. */
static void look_again_before(double until)
{
    assert_true(clock_now() < until);
    clock_sleep(0.01);
}

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
        look_again_before(until);
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

/* A name in the current directory, whether it is there or not. */
static void name_dir(struct fs_dir *dir, const char *name)
{
    struct fs_dir here;

    assert_int_equal(fs_dir_open(&here, NULL, ".", NULL), 0);
    assert_int_equal(fs_dir_below(dir, &here, name, NULL), 0);
    fs_dir_close(&here);
}

static void wait_for_more(const struct fs_dir *dir, uint64_t than)
{
    double until = clock_now() + PATIENCE;
    uint64_t number = than;

    while (!heartbeat_read(dir, &number) || number <= than)
        look_again_before(until);
}

static void wait_for_loss(struct heartbeat *beat)
{
    double until = clock_now() + PATIENCE;

    while (!heartbeat_lost(beat))
        look_again_before(until);
    heartbeat_stop(beat);
}

static void test_the_number_grows(void **state)
{
    struct heartbeat *beat;
    struct fs_dir a, b;
    uint64_t number;

    (void)state;
    name_dir(&a, "a");
    name_dir(&b, "b");
    assert_false(heartbeat_read(&a, &number));
    assert_int_equal(mkdir("a", 0777), 0);
    assert_int_equal(heartbeat_start(&beat, &a, NULL), 0);
    assert_true(heartbeat_read(&a, &number));
    wait_for_more(&a, number);
    assert_int_equal(rename("a", "b"), 0);
    assert_int_equal(heartbeat_move(beat, &b, NULL), 0);
    assert_true(heartbeat_read(&b, &number));
    wait_for_more(&b, number);
    assert_false(heartbeat_lost(beat));
    assert_int_equal(rename("b", "c"), 0);
    wait_for_loss(beat);
    assert_int_not_equal(access("b", F_OK), 0);
    heartbeat_stop(NULL);
    assert_false(heartbeat_lost(NULL));
    fs_dir_close(&a);
    fs_dir_close(&b);
}

/* A descriptor goes with a directory that somebody puts elsewhere; the run must not. */
static void test_the_path_leads_elsewhere(void **state)
{
    struct heartbeat *beat;
    struct fs_dir held;

    (void)state;
    assert_int_equal(mkdir("held", 0777), 0);
    assert_int_equal(fs_dir_open(&held, NULL, "held", NULL), 0);
    assert_int_equal(heartbeat_start(&beat, &held, NULL), 0);
    assert_int_equal(rename("held", "elsewhere"), 0);
    assert_int_equal(mkdir("held", 0777), 0);
    wait_for_loss(beat);
    fs_dir_close(&held);
}

static atomic_int stale; /* how often the server is to know nothing of a name */

/* In place of the system's, for all that is linked into this test. */
int fstatat(int dir, const char *name, struct stat *st, int flags)
{
    if (atomic_load(&stale) > 0) {
        atomic_fetch_sub(&stale, 1);
        errno = ESTALE;
        return -1;
    }
    return (int)syscall(SYS_newfstatat, dir, name, st, flags);
}

/* A server that fails over says for a while that a directory is gone, which is there. */
static void test_stale_for_a_while(void **state)
{
    double until = clock_now() + PATIENCE;
    struct heartbeat *beat;
    struct fs_dir dir;
    uint64_t number;

    (void)state;
    name_dir(&dir, "stale");
    assert_int_equal(mkdir("stale", 0777), 0);
    assert_int_equal(heartbeat_start(&beat, &dir, NULL), 0);
    atomic_store(&stale, 2);
    while (atomic_load(&stale) > 0) {
        assert_false(heartbeat_lost(beat));
        look_again_before(until);
    }
    assert_true(heartbeat_read(&dir, &number));
    wait_for_more(&dir, number);
    assert_false(heartbeat_lost(beat));
    atomic_store(&stale, INT_MAX);
    wait_for_loss(beat);
    atomic_store(&stale, 0);
    fs_dir_close(&dir);
}

/* A process of its own with a beat in that directory, which it keeps. */
static pid_t start_beating(const struct fs_dir *dir, bool hushed)
{
    pid_t pid = fork();
    struct heartbeat *beat;

    if (pid > 0)
        return pid;
    if (hushed)
        heartbeat_hush();
    if (heartbeat_start(&beat, dir, NULL) < 0)
        _exit(1);
    for (;;)
        pause();
}

/* The other, which began later, tells how long to wait. */
static void test_a_process_that_is_hushed_beats_no_more(void **state)
{
    struct fs_dir hushed, loud;
    pid_t pids[2];
    uint64_t number;

    (void)state;
    name_dir(&hushed, "hushed");
    name_dir(&loud, "loud");
    assert_int_equal(mkdir("hushed", 0777), 0);
    assert_int_equal(mkdir("loud", 0777), 0);
    pids[0] = start_beating(&hushed, true);
    pids[1] = start_beating(&loud, false);
    wait_for_more(&loud, 1);
    assert_true(heartbeat_read(&hushed, &number));
    assert_int_equal(number, 0);
    for (int i = 0; i < 2; i++) {
        kill(pids[i], SIGKILL);
        assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
    }
    fs_dir_close(&hushed);
    fs_dir_close(&loud);
}

static void test_no_number(void **state)
{
    struct fs_dir here;
    uint64_t number;

    (void)state;
    assert_int_equal(fs_dir_open(&here, NULL, ".", NULL), 0);
    put_file("beat", "12 monkeys\n");
    assert_false(heartbeat_read(&here, &number));
    put_file("beat", "");
    assert_false(heartbeat_read(&here, &number));
    put_file("beat", "12");
    assert_true(heartbeat_read(&here, &number));
    assert_int_equal(number, 12);
    fs_dir_close(&here);
}

static void test_nowhere_to_beat(void **state)
{
    struct err err = { 0 };
    struct heartbeat *beat;
    struct fs_dir none;

    (void)state;
    name_dir(&none, "none");
    assert_int_equal(heartbeat_start(&beat, &none, &err), -1);
    assert_null(beat);
    assert_int_equal(err.code, ERR_DEST);
    fs_dir_close(&none);
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
    assert_int_equal(append_open(&append, NULL, "lines", "first\n", NULL), 0);
    assert_int_not_equal(access("lines", F_OK), 0);
    for (size_t i = 0; i < countof(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, append), 0);
    for (size_t i = 0; i < countof(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    append_close(append);
    assert_int_equal(stat("lines", &st), 0);
    assert_int_equal(st.st_size, 6 + countof(threads) * LINES * 41);
    assert_int_equal(system("test $(head -n 1 lines) = first"), 0);
    assert_int_equal(system("test $(sort -u lines | wc -l) = 2"), 0);
}

/* Behind a line that may be half there nothing more is written. */
static void test_nothing_after_an_error(void **state)
{
    struct append *append;
    struct err err = { 0 };

    (void)state;
    assert_int_equal(append_open(&append, NULL, "later/lines", "", NULL), 0);
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
        cmocka_unit_test(test_the_path_leads_elsewhere),
        cmocka_unit_test(test_stale_for_a_while),
        cmocka_unit_test(test_a_process_that_is_hushed_beats_no_more),
        cmocka_unit_test(test_no_number),
        cmocka_unit_test(test_nowhere_to_beat),
        cmocka_unit_test(test_lines_of_several_threads),
        cmocka_unit_test(test_nothing_after_an_error),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
