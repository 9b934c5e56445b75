/* The states of a task: the ways that docs/protocol.md gives it, and what is refused. */
#include "fetch/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

enum { STEPS = 8 };

/* From WAITING (which is 0, so that a row ends there) to the end. */
static const enum task_state ways[][STEPS] = {
    { TASK_FETCHING, TASK_DRAINING, TASK_LANDING, TASK_LANDED },
    { TASK_FETCHING, TASK_FULL, TASK_FETCHING, TASK_DRAINING, TASK_LANDING, TASK_LANDED },
    { TASK_FETCHING, TASK_THROTTLED, TASK_FETCHING, TASK_RESTING, TASK_FETCHING,
      TASK_FAILED },
    { TASK_LANDING, TASK_LANDED },
    { TASK_LANDING, TASK_FAILED },
    { TASK_LANDING, TASK_RECALLED, TASK_LANDED },
    { TASK_LANDING, TASK_RECALLED, TASK_CANCELLED },
    { TASK_FETCHING, TASK_FAILED, TASK_CANCELLED },
    { TASK_CANCELLED },
};

static void test_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(ways); i++) {
        struct task task = { 0 };

        for (size_t step = 0; step < STEPS && ways[i][step] != TASK_WAITING; step++) {
            task_enter(&task, ways[i][step]);
            assert_int_equal(task.state, ways[i][step]);
        }
    }
}

/* The setter ends the program: in a child, whose last words nobody needs. */
static bool is_refused(enum task_state from, enum task_state next)
{
    pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit none = { 0, 0 };
        struct task task = { .state = from };

        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        task_enter(&task, next);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_refused(void **state)
{
    static const struct {
        enum task_state from, next;
    } rows[] = {
        { TASK_LANDED, TASK_LANDED },      /* said once */
        { TASK_LANDED, TASK_CANCELLED },   /* one answer for a grant */
        { TASK_CANCELLED, TASK_LANDED },   /* nobody writes after CANCELLED */
        { TASK_CANCELLED, TASK_FETCHING }, /* nor asks for more */
        { TASK_CANCELLED, TASK_FAILED },   { TASK_FAILED, TASK_LANDED },
        { TASK_WAITING, TASK_DRAINING },  /* nothing has come */
        { TASK_WAITING, TASK_LANDED },    /* nothing has been written */
        { TASK_FETCHING, TASK_LANDING },  /* a thread may still write */
        { TASK_DRAINING, TASK_LANDED },   /* not in its file, not hashed */
        { TASK_DRAINING, TASK_FETCHING }, /* all is here */
        { TASK_FULL, TASK_DRAINING },     /* bytes are held back */
        { TASK_THROTTLED, TASK_FULL },    /* asked again in between */
        { TASK_RESTING, TASK_DRAINING },  /* there is no transfer */
        { TASK_LANDING, TASK_CANCELLED }, /* a thread may still write */
        { TASK_RECALLED, TASK_FAILED },   /* the answer is CANCELLED */
        { TASK_FETCHING, TASK_WAITING },  /* credit was given back */
    };

    (void)state;
    assert_false(is_refused(TASK_WAITING, TASK_FETCHING));
    for (size_t i = 0; i < countof(rows); i++)
        if (!is_refused(rows[i].from, rows[i].next))
            fail_msg("%d follows %d", (int)rows[i].next, (int)rows[i].from);
}

static void test_cancel(void **state)
{
    static const enum task_state becomes[TASK_STATES] = {
        [TASK_WAITING] = TASK_CANCELLED,   [TASK_FETCHING] = TASK_CANCELLED,
        [TASK_FULL] = TASK_CANCELLED,      [TASK_THROTTLED] = TASK_CANCELLED,
        [TASK_RESTING] = TASK_CANCELLED,   [TASK_DRAINING] = TASK_CANCELLED,
        [TASK_LANDING] = TASK_RECALLED,    [TASK_RECALLED] = TASK_RECALLED,
        [TASK_LANDED] = TASK_LANDED,       [TASK_FAILED] = TASK_CANCELLED,
        [TASK_CANCELLED] = TASK_CANCELLED,
    };

    (void)state;
    for (int i = 0; i < TASK_STATES; i++) {
        struct task task = { .state = (enum task_state)i };

        task_cancel(&task);
        assert_int_equal(task.state, becomes[i]);
        assert_int_equal(task_is_recalled(&task), i != TASK_LANDED);
    }
}

static void test_fail(void **state)
{
    const struct outcome outcome = { .fault = NET_CUT };
    const struct err why = { .code = ERR_NETWORK, .text = "cut" };
    struct task lands = { .state = TASK_LANDING }, recalled = { .state = TASK_RECALLED };

    (void)state;
    task_fail(&lands, &outcome, &why);
    assert_int_equal(lands.state, TASK_FAILED);
    assert_int_equal(lands.outcome.fault, NET_CUT);
    assert_string_equal(lands.err.text, "cut");
    task_fail(&recalled, &outcome, &why);
    assert_int_equal(recalled.state, TASK_CANCELLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ways),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
