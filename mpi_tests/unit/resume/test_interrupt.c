/* A signal, here or at another rank, about the time of the visible step: before it
 * nothing is to be seen, and after it the run has succeeded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "io/mpi/comm.h"
#include "publish_case.h"
#include "resume/release.h"

/* io/mpi/comm.h for one rank: what it sends comes back to it, behind what was put in by
 * others. */
static struct strbuf mail[8];
static size_t sent, received;

bool comm_node_first(const struct comm *comm)
{
    (void)comm;
    return true;
}

int comm_nodes(const struct comm *comm)
{
    (void)comm;
    return 1;
}

int comm_node(const struct comm *comm, int rank)
{
    (void)comm;
    return rank;
}

int comm_node_size(const struct comm *comm, int node)
{
    (void)comm;
    (void)node;
    return 1;
}

int comm_node_lowest(const struct comm *comm, int node)
{
    (void)comm;
    return node;
}

const char *comm_host(const struct comm *comm, int rank)
{
    (void)comm;
    (void)rank;
    return "n1";
}

int comm_send(struct comm *comm, int to, const void *bytes, size_t len, struct err *err)
{
    (void)comm;
    (void)to;
    (void)err;
    assert_true(sent < countof(mail));
    strbuf_add(&mail[sent++], bytes, len);
    return 0;
}

int comm_recv(struct comm *comm, struct strbuf *buf, int *from, struct err *err)
{
    (void)comm;
    (void)err;
    strbuf_clear(buf);
    if (received == sent)
        return 0;
    strbuf_add(buf, mail[received].data, mail[received].len);
    strbuf_release(&mail[received++]);
    *from = 0;
    return 1;
}

static void other_rank_aborts(void)
{
    struct msg msg = {
        .kind = MSG_ABORT, .code = ERR_INTERRUPTED, .rank = 1, .text = "interrupted"
    };

    assert_true(sent < countof(mail));
    msg_encode(&msg, &mail[sent++]);
}

static int empty_mail(void **state)
{
    (void)state;
    while (received < sent)
        strbuf_release(&mail[received++]);
    sent = received = 0;
    return 0;
}

/* Asked so many times before a signal is there. */
static unsigned quiet, asked;
static bool elsewhere; /* the first question is when another rank gives up */

static bool signalled(void *arg)
{
    (void)arg;
    if (elsewhere)
        other_rank_aborts();
    elsewhere = false;
    return asked++ >= quiet;
}

static int commit(struct job *job, unsigned quiet_for)
{
    if (job_look(job) < 0 || job_build(job) < 0)
        fail_msg("%s", job->err.text);
    job_fetch(job);
    quiet = quiet_for;
    asked = 0;
    job->run.ranks.interrupted = signalled;
    if (dir_commit(&job->dir, &job->mark, &job->err) < 0)
        return -1;
    agree_settle(&job->run.ranks);
    return 0;
}

static void assert_given_up(struct job *job)
{
    assert_int_equal(job->err.code, ERR_INTERRUPTED);
    assert_false(job->run.ranks.settled);
    release_staging(&job->run, RELEASE_REMOVE);
}

static void end(struct job *job)
{
    agree_release(&job->run.ranks.agree);
    job_end(job);
}

static void test_signal_before_the_first_step(void **state)
{
    struct job job;

    (void)state;
    job_start(&job, STAMP, first, countof(first));
    assert_int_equal(commit(&job, 0), -1);
    assert_given_up(&job);
    assert_beside("");
    end(&job);
}

static void test_signal_before_an_update(void **state)
{
    char *before;
    struct job job;

    (void)state;
    publish_first(NULL);
    before = listing(dest_path);
    job_start(&job, LATER, second, countof(second));
    assert_int_equal(commit(&job, 0), -1);
    assert_given_up(&job);
    assert_beside("dest ");
    assert_listing(dest_path, before);
    end(&job);
}

static void test_abort_of_another_rank_before(void **state)
{
    struct job job;

    (void)state;
    job_start(&job, STAMP, first, countof(first));
    elsewhere = true;
    assert_int_equal(commit(&job, 99), -1);
    assert_int_equal(job.err.rank, 1);
    assert_given_up(&job);
    assert_beside("");
    end(&job);
}

/* The last look for signals is over. */
static void test_signal_from_the_step_on(void **state)
{
    struct job job;

    (void)state;
    job_start(&job, STAMP, first, countof(first));
    assert_int_equal(commit(&job, 1), 0);
    assert_int_equal(asked, 1);
    /* word of a signal elsewhere comes in with the votes */
    other_rank_aborts();
    if (agree_step(&job.run.ranks, 0, &job.err) < 0)
        fail_msg("%s", job.err.text);
    dir_clean(&job.dir);
    assert_published(first, countof(first), job.dir.content_id);
    assert_beside("dest ");
    end(&job);
}

/* The same word before it is published, at the same place: a failure of all. */
static void test_the_votes_do_count_before(void **state)
{
    struct job job;

    (void)state;
    job_start(&job, STAMP, first, countof(first));
    other_rank_aborts();
    assert_int_equal(agree_step(&job.run.ranks, 0, &job.err), -1);
    assert_int_equal(job.err.code, ERR_INTERRUPTED);
    end(&job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_signal_before_the_first_step, publish_enter,
                                        empty_mail),
        cmocka_unit_test_setup_teardown(test_signal_before_an_update, publish_enter,
                                        empty_mail),
        cmocka_unit_test_setup_teardown(test_abort_of_another_rank_before, publish_enter,
                                        empty_mail),
        cmocka_unit_test_setup_teardown(test_signal_from_the_step_on, publish_enter,
                                        empty_mail),
        cmocka_unit_test_setup_teardown(test_the_votes_do_count_before, publish_enter,
                                        empty_mail),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
