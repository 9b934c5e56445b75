/* Work beside the main thread: it goes on while others are heard, and
 * hears of their end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/mpi/comm.h"
#include "ranks/background.h"
#include "ranks/run.h"

/* io/mpi/comm.h of rank 0 of three: what is put in comes out, what is sent is counted. */
static struct mail {
    struct strbuf bytes;
    int from;
} mail[16];
static size_t put, taken;
static unsigned sent[MSG_KINDS];
static atomic_uint signs; /* of life that went to rank 1 */

int comm_node(const struct comm *comm, int rank)
{
    (void)comm;
    return rank;
}

const char *comm_host(const struct comm *comm, int rank)
{
    (void)comm;
    return rank == 1 ? "n2" : "n1";
}

int comm_send(struct comm *comm, int to, const void *bytes, size_t len, struct err *err)
{
    struct msg msg;

    (void)comm;
    (void)err;
    assert_int_equal(msg_decode(&msg, bytes, len, NULL), 0);
    sent[msg.kind]++;
    if (msg.kind == MSG_ALIVE && to == 1)
        atomic_fetch_add(&signs, 1);
    return 0;
}

static void (*at_recv)(void); /* what the others do meanwhile */

int comm_recv(struct comm *comm, struct strbuf *buf, int *from, struct err *err)
{
    (void)comm;
    (void)err;
    if (at_recv)
        at_recv();
    strbuf_clear(buf);
    if (taken == put)
        return 0;
    strbuf_add(buf, mail[taken].bytes.data, mail[taken].bytes.len);
    strbuf_release(&mail[taken].bytes);
    *from = mail[taken++].from;
    return 1;
}

static void comes(int from, const struct msg *msg)
{
    assert_true(put < countof(mail));
    mail[put].from = from;
    msg_encode(msg, &mail[put++].bytes);
}

static bool signalled(void *arg)
{
    return *(const bool *)arg;
}

static bool has_signal;
static struct run run;

static int enter(void **state)
{
    (void)state;
    run = (struct run){ .ranks.size = 3,
                        .ranks.interrupted = signalled,
                        .ranks.interrupted_arg = &has_signal };
    has_signal = false;
    at_recv = NULL;
    for (size_t i = 0; i < countof(sent); i++)
        sent[i] = 0;
    atomic_store(&signs, 0);
    return liveness_open(&run.ranks, 0.3, NULL);
}

static int leave(void **state)
{
    (void)state;
    while (taken < put)
        strbuf_release(&mail[taken++].bytes);
    put = taken = 0;
    agree_release(&run.ranks.agree);
    liveness_close(&run.ranks);
    return 0;
}

static int give(void *arg, struct err *err)
{
    if (*(const int *)arg < 0)
        return err_set(err, ERR_DEST, "it cannot be");
    return *(const int *)arg;
}

static void test_the_result_is_that_of_the_work(void **state)
{
    struct err err = { 0 };

    (void)state;
    assert_int_equal(background_run(&run.ranks, give, &(int){ 0 }, &err), 0);
    assert_int_equal(background_run(&run.ranks, give, &(int){ 7 }, &err), 7);
    assert_int_equal(err.code, ERR_NONE);
    assert_int_equal(background_run(&run.ranks, give, &(int){ -1 }, &err), -1);
    assert_int_equal(err.code, ERR_DEST);
    assert_string_equal(err.text, "it cannot be");
    assert_int_equal(background_run(&run.ranks, give, &(int){ -1 }, NULL), -1);
    assert_null(run.ranks.background);
}

/* Work without an end of its own, as long as nobody asks for it. */
static int until_stopped(void *arg, struct err *err)
{
    (void)arg;
    while (background_poll(&run.ranks, err) == 0)
        clock_sleep(0.001);
    return -1;
}

static void test_a_signal_ends_the_work(void **state)
{
    struct err err = { 0 };

    (void)state;
    has_signal = true;
    assert_int_equal(background_run(&run.ranks, until_stopped, NULL, &err), -1);
    assert_int_equal(err.code, ERR_INTERRUPTED);
    assert_false(run.ranks.liveness.lost);
}

static void abort_comes(void)
{
    at_recv = NULL;
    comes(2, &(struct msg){
                 .kind = MSG_ABORT, .code = ERR_NETWORK, .rank = 2, .text = "no way" });
}

static void test_an_abort_ends_the_work(void **state)
{
    struct err err = { 0 };

    (void)state;
    at_recv = abort_comes;
    assert_int_equal(background_run(&run.ranks, until_stopped, NULL, &err), -1);
    assert_int_equal(err.code, ERR_NETWORK);
    assert_int_equal(err.rank, 2);
    assert_string_equal(err.text, "no way");
}

/* Rank 2 votes for the next step, and gives signs of life; rank 1 is silent. */
static void rank_2_lives(void)
{
    static unsigned turns;

    if (turns++ % 4 == 0 && put < countof(mail))
        comes(2, &(struct msg){ .kind = MSG_ALIVE });
}

static void test_a_lost_rank_ends_the_work(void **state)
{
    struct err err = { 0 };

    (void)state;
    run.ranks.liveness.stages = true;
    comes(2, &(struct msg){ .kind = MSG_VOTE, .rank = 2 });
    at_recv = rank_2_lives;
    assert_int_equal(background_run(&run.ranks, until_stopped, NULL, &err), -1);
    assert_int_equal(err.code, ERR_INTERRUPTED);
    assert_non_null(strstr(err.text, "rank 1 on n2 has not responded"));
    assert_int_equal(run.ranks.agree.votes, 1);
    /* the others hear it when it is known what came of the work */
    assert_int_equal(sent[MSG_LOST], 0);
    err_clear(&err);
    assert_int_equal(agree_step(&run.ranks, -1, &err), -1);
    assert_int_equal(err.code, ERR_INTERRUPTED);
    assert_non_null(strstr(err.text, "run the same command again"));
    assert_int_equal(sent[MSG_LOST], 2);
    assert_int_equal(agree_step(&run.ranks, 0, &err), -1);
    assert_int_equal(sent[MSG_LOST], 2);
}

/* Goes on after its last look, until so many signs of life went out since the loss. */
static int until_signs(void *arg, struct err *err)
{
    unsigned first;

    (void)arg;
    while (background_poll(&run.ranks, err) == 0)
        clock_sleep(0.001);
    err_clear(err);
    first = atomic_load(&signs);
    while (atomic_load(&signs) < first + 3)
        clock_sleep(0.001);
    return 0;
}

/* The loss came too late: the work was published, and who is left must hear that. */
static void test_a_loss_does_not_unpublish(void **state)
{
    struct err err = { 0 };

    (void)state;
    assert_int_equal(background_run(&run.ranks, until_signs, NULL, &err), 0);
    assert_true(run.ranks.liveness.lost);
    agree_settle(&run.ranks);
    assert_int_equal(agree_step(&run.ranks, 0, &err), 0);
    assert_int_equal(err.code, ERR_NONE);
    assert_int_equal(sent[MSG_LOST], 2);
    assert_null(strstr(run.ranks.liveness.loss.text, "again"));
}

/* Nobody is waited for: each call of agree.h returns at once. */
static int take_rank(void *arg, int rank, const void *bytes, size_t len, struct err *err)
{
    (void)bytes;
    (void)err;
    assert_int_equal(rank, 0);
    assert_int_equal(len, 4);
    ++*(int *)arg;
    return 0;
}

static void test_nothing_waits_after_a_loss(void **state)
{
    struct strbuf bytes = { 0 };
    struct err err = { 0 };
    int calls = 0;

    (void)state;
    assert_int_equal(background_run(&run.ranks, until_stopped, NULL, &err), -1);
    assert_int_equal(agree_step(&run.ranks, 0, &err), -1);
    assert_int_equal(agree_share(&run.ranks, &bytes, &err), -1);
    assert_int_equal(
        agree_gather(&run.ranks, MSG_STATS, "mine", 4, take_rank, &calls, &err), 0);
    assert_int_equal(calls, 1);
    assert_int_equal(sent[MSG_VOTE] + sent[MSG_SHARE] + sent[MSG_STATS], 0);
    strbuf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_result_is_that_of_the_work, enter,
                                        leave),
        cmocka_unit_test_setup_teardown(test_a_signal_ends_the_work, enter, leave),
        cmocka_unit_test_setup_teardown(test_an_abort_ends_the_work, enter, leave),
        cmocka_unit_test_setup_teardown(test_a_lost_rank_ends_the_work, enter, leave),
        cmocka_unit_test_setup_teardown(test_a_loss_does_not_unpublish, enter, leave),
        cmocka_unit_test_setup_teardown(test_nothing_waits_after_a_loss, enter, leave),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
