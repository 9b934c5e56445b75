/* ranks/agree.h over real MPI, on any number of ranks. The first thing that does not hold
 * ends the whole job; a rank that waits for ever is ended by the alarm. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "io/mpi/comm_mpi.h"
#include "ranks/background.h"
#include "ranks/mail.h"
#include "ranks/nodes.h"
#include "ranks/outcome.h"
#include "ranks/run.h"

enum { ROUNDS = 200, PATIENCE = 400 };

static const char *now_testing = "";

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "test_agree: %s: %s\n", now_testing, what);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

struct moment {
    int interrupted_rank; /* -1: none */
    int rank;
};

static bool is_interrupted(void *arg)
{
    const struct moment *moment = arg;

    return moment->interrupted_rank == moment->rank;
}

/* A step in which these ranks fail with these codes; 0 is success. */
static void step(struct run *run, const enum err_code *code, struct err *err)
{
    int rc = 0;

    err_clear(err);
    if (code[run->ranks.rank] != ERR_NONE)
        rc = err_set(err, code[run->ranks.rank], "rank %d: failed with %d",
                     run->ranks.rank, (int)code[run->ranks.rank]);
    rc = agree_step(&run->ranks, rc, err);
    require(rc == (err->code == ERR_NONE ? 0 : -1), "the result and the error differ");
}

/* What all must return: of the lowest rank with a cause of its own, else of the lowest
 * that was interrupted. */
static void assert_worst(const struct run *run, const enum err_code *code,
                         const struct err *err)
{
    char text[64] = "";
    int worst = -1;

    for (int i = run->ranks.size - 1; i >= 0; i--)
        if (code[i] == ERR_INTERRUPTED)
            worst = i;
    for (int i = run->ranks.size - 1; i >= 0; i--)
        if (code[i] != ERR_NONE && code[i] != ERR_INTERRUPTED)
            worst = i;
    if (worst < 0) {
        require(err->code == ERR_NONE, "an error out of nothing");
        return;
    }
    snprintf(text, sizeof(text), "rank %d: failed with %d", worst, (int)code[worst]);
    require(err->code == code[worst], "the code of another rank");
    require(err->rank == worst, "another rank is named");
    require(strcmp(err->text, text) == 0, "the text of another rank");
}

/* Every rank one of three ways, in all combinations. */
static void all_leave_with_the_same_error(struct run *run)
{
    static const enum err_code ways[] = { ERR_NONE, ERR_INTERRUPTED, ERR_DEST };
    enum err_code code[8];
    struct err err = { 0 };
    int count = 1;

    for (int i = 0; i < run->ranks.size; i++)
        count *= (int)countof(ways);
    for (int i = 0; i < count; i++) {
        for (int rank = 0, rest = i; rank < run->ranks.size; rank++, rest /= 3)
            code[rank] = ways[rest % 3];
        step(run, code, &err);
        assert_worst(run, code, &err);
    }
}

/* A rank that failed has a reason even where its caller forgot it. */
static void a_failure_without_reason_is_a_defect(struct run *run)
{
    struct err err = { 0 };
    int last = run->ranks.size - 1;

    require(agree_step(&run->ranks, run->ranks.rank == last ? -1 : 0, &err) == -1,
            "taken as success");
    require(err.code == ERR_DEFECT && err.rank == last, "not a defect of that rank");
}

/* Votes and aborts reach rank 0 in any order. */
static void the_order_of_arrival_makes_no_difference(struct run *run)
{
    static const struct msg said[] = {
        { .kind = MSG_ABORT, .code = ERR_INTERRUPTED, .text = "interrupted 1" },
        { .kind = MSG_VOTE, .code = ERR_NETWORK, .text = "own cause 2" },
        { .kind = MSG_VOTE, .code = ERR_DEST, .text = "own cause 3" },
        { .kind = MSG_VOTE, .code = ERR_NONE, .text = "" },
    };

    (void)run;
    for (unsigned i = 0; i < 256; i++) {
        unsigned order[] = { i % 4, i / 4 % 4, i / 16 % 4, i / 64 }, seen = 0;
        struct run heard = { .ranks.size = 5 };

        for (unsigned k = 0; k < 4; k++)
            seen |= 1U << order[k];
        if (seen != 15)
            continue;
        for (unsigned k = 0; k < 4; k++) {
            struct msg msg = said[order[k]];

            msg.rank = (int)order[k] + 1;
            agree_hear(&heard.ranks, &msg);
        }
        require(heard.ranks.agree.votes == 3, "an abort is no vote");
        require(heard.ranks.agree.worst.code == ERR_NETWORK, "not the lowest own cause");
        require(heard.ranks.agree.worst.rank == 2, "not its rank");
    }
}

/* Rank 0 works alone and looks now and then, while all others wait in the next step; a
 * signal to one of them ends the wait of all. */
static void an_interrupted_rank_reaches_rank_0(struct run *run)
{
    struct moment moment = { .interrupted_rank = run->ranks.size - 1,
                             .rank = run->ranks.rank };
    struct err err = { 0 };
    int rc = 0;

    run->ranks.interrupted_arg = &moment;
    if (run->ranks.rank == 0)
        while (rc == 0)
            rc = background_poll(&run->ranks, &err);
    rc = agree_step(&run->ranks, rc, &err);
    require(rc == -1 && err.code == ERR_INTERRUPTED, "the signal was lost");
    moment.interrupted_rank = -1;
    err_clear(&err);
    require(agree_step(&run->ranks, 0, &err) == 0, "the next step fails as well");
    require(run->ranks.rank != 0 || background_poll(&run->ranks, &err) == 0,
            "still interrupted");
    run->ranks.agree.told = false;
    run->ranks.interrupted_arg = NULL;
}

/* Out of what is made once, since a sanitizer looks at each byte that is made: for each seed from
 * another place on, with a first byte of its own. */
static void fill(struct strbuf *bytes, size_t size, unsigned seed)
{
    static char all[3 << 20];
    static size_t made;

    strbuf_clear(bytes);
    strbuf_reserve(bytes, size);
    require(!bytes->failed, "out of memory");
    require(seed + size <= sizeof(all), "more than can be made");
    for (; made < seed + size; made++)
        all[made] = (char)(made * 2654435761u >> 7);
    if (size > 0) {
        memcpy(bytes->data, all + seed, size);
        bytes->data[0] = (char)seed;
    }
    bytes->len = size;
}

static void share(struct run *run, size_t size, unsigned seed)
{
    struct strbuf bytes = { 0 }, want = { 0 };
    struct err err = { 0 };

    fill(&want, size, seed);
    if (run->ranks.rank == 0)
        fill(&bytes, size, seed);
    require(agree_share(&run->ranks, &bytes, &err) == 0, "a share failed");
    require(bytes.len == size, "a share of another length");
    require(size == 0 || memcmp(bytes.data, want.data, size) == 0, "other bytes");
    strbuf_release(&bytes);
    strbuf_release(&want);
}

static void good_step(struct run *run)
{
    static const enum err_code none[8] = { ERR_NONE };
    struct err err = { 0 };

    step(run, none, &err);
    require(err.code == ERR_NONE, "a good step failed");
}

/* The decision of a step comes from rank 0, a share from the parent in the tree: nothing
 * but luck keeps them in order, so they are mixed in every way. */
static void shares_reach_all(struct run *run)
{
    static const size_t sizes[] = { 1, 0, 300000, 17, 3000000, 0, 64, 5000 };

    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % 3 != 1)
            good_step(run);
        share(run, sizes[i % countof(sizes)], i);
        if (i % 5 == 0)
            share(run, sizes[(i + 3) % countof(sizes)], i + 1);
    }
    good_step(run);
}

/* The same for certain: rank 0 sends before it votes, and sending does not wait. */
static void shares_overtake_the_decision(struct run *run, const size_t *sizes,
                                         size_t count)
{
    for (size_t i = 0; i < count && run->ranks.rank == 0; i++)
        share(run, sizes[i], (unsigned)i);
    good_step(run);
    for (size_t i = 0; i < count && run->ranks.rank != 0; i++)
        share(run, sizes[i], (unsigned)i);
    good_step(run);
}

static void a_share_overtakes_the_decision(struct run *run)
{
    shares_overtake_the_decision(run, (const size_t[]){ 100000 }, 1);
}

static void an_empty_share_overtakes_the_decision(struct run *run)
{
    shares_overtake_the_decision(run, (const size_t[]){ 0 }, 1);
}

static void many_shares_overtake_the_decision(struct run *run)
{
    shares_overtake_the_decision(run, (const size_t[]){ 10, 0, 70000, 0, 1 }, 5);
}

static const enum msg_kind orders[] = { MSG_OFFER, MSG_LANDED, MSG_HASH };

static int next_of_others(const struct run *run)
{
    return run->ranks.rank + 1 < run->ranks.size ? run->ranks.rank + 1 : 1;
}

static void send_orders(struct run *run)
{
    struct err err = { 0 };

    for (uint32_t i = 0; i < countof(orders); i++) {
        const struct msg sent = { .kind = orders[i],
                                  .nitems = 1,
                                  .item[0] = { .segment = i, .segments = 1 },
                                  .segment = i,
                                  .segments = 1 };
        const struct msg late = { .kind = MSG_CANCELLED, .segment = i };

        require(mail_send(&run->ranks, next_of_others(run), &late, &err) == 0 &&
                    mail_send(&run->ranks, next_of_others(run), &sent, &err) == 0,
                "cannot send");
    }
}

/* Nearly always all of them have come in the step. */
static void take_orders(struct run *run)
{
    struct strbuf bytes = { 0 };
    struct err err = { 0 };
    struct msg msg;
    int from, rc;

    for (uint32_t i = 0; i < countof(orders);) {
        rc = agree_take_early(&run->ranks, &bytes, &msg, &from, &err);
        if (rc == 0)
            rc = mail_take(&run->ranks, &bytes, &msg, &from, &err);
        require(rc >= 0, "cannot receive");
        if (rc == 0 || msg.kind == MSG_CANCELLED)
            continue;
        require(msg.kind == orders[i], "out of order");
        require((msg.kind == MSG_HASH ? msg.segment : msg.item[0].segment) == i,
                "other contents");
        i++;
    }
    require(agree_take_early(&run->ranks, &bytes, &msg, &from, &err) == 0, "one more");
    strbuf_release(&bytes);
}

/* Ranks send before they vote, as if they had the decision already: what the worker of
 * another is to hear is kept for it, in order. */
static void orders_overtake_the_decision(struct run *run)
{
    bool others = run->ranks.size > 2;

    if (others && run->ranks.rank != 0)
        send_orders(run);
    good_step(run);
    if (others && run->ranks.rank != 0)
        take_orders(run);
    good_step(run);
}

struct takings {
    int size, fail_at; /* the call that fails, -1: none */
    int calls, of[8];
};

static int take(void *arg, int rank, const void *bytes, size_t len, struct err *err)
{
    struct takings *takings = arg;
    struct strbuf want = { 0 };

    require(rank >= 0 && rank < takings->size, "taken of no rank");
    fill(&want, (size_t)rank * 1000, (unsigned)rank);
    require(len == want.len && (len == 0 || memcmp(bytes, want.data, len) == 0),
            "taken with other bytes");
    strbuf_release(&want);
    takings->of[rank]++;
    if (takings->calls++ == takings->fail_at)
        return err_set(err, ERR_DEFECT, "take failed");
    return 0;
}

static int gather(struct run *run, enum msg_kind kind, int fail_at, struct err *err)
{
    struct takings takings = { .size = run->ranks.size, .fail_at = fail_at };
    struct strbuf mine = { 0 };
    int rc;

    fill(&mine, (size_t)run->ranks.rank * 1000, (unsigned)run->ranks.rank);
    rc = agree_gather(&run->ranks, kind, mine.data, mine.len, take, &takings, err);
    strbuf_release(&mine);
    for (int i = 0; i < run->ranks.size && rc == 0; i++)
        require(takings.of[i] == (run->ranks.rank == 0), "not taken once of each rank");
    require(run->ranks.rank == 0 || takings.calls == 0, "taken on another rank");
    return rc;
}

static void a_gather_takes_once_of_each_rank(struct run *run)
{
    static const enum msg_kind kinds[] = { MSG_STATS, MSG_TRACE, MSG_SEEN };
    struct err err = { 0 };

    for (unsigned i = 0; i < ROUNDS; i++) {
        require(gather(run, kinds[i % countof(kinds)], -1, &err) == 0, "gather failed");
        good_step(run);
    }
}

/* Ranks go on to the next step while rank 0 still gathers: their votes count there. */
static void votes_during_a_gather_count(struct run *run)
{
    enum err_code code[8] = { ERR_NONE };
    struct err err = { 0 };

    code[run->ranks.size - 1] = ERR_NETWORK;
    for (unsigned i = 0; i < ROUNDS; i++) {
        require(gather(run, MSG_SEEN, -1, &err) == 0, "gather failed");
        step(run, code, &err);
        assert_worst(run, code, &err);
        err_clear(&err);
    }
}

/* Rank 0 is at work until all others have sent theirs, and voted in the step behind. */
static void rank_0_gathers_late(struct run *run)
{
    struct err err = { 0 };

    for (unsigned i = 0; i < ROUNDS / 8; i++) {
        while (run->ranks.rank == 0 && run->ranks.agree.votes < run->ranks.size - 1)
            require(background_poll(&run->ranks, &err) == 0, "a failure out of nothing");
        require(gather(run, MSG_SEEN, -1, &err) == 0, "gather failed");
        good_step(run);
        while (run->ranks.rank == 0 && run->ranks.agree.votes < run->ranks.size - 1)
            require(background_poll(&run->ranks, &err) == 0, "a failure out of nothing");
        require(gather(run, MSG_TRACE, -1, &err) == 0, "gather failed");
        require(gather(run, MSG_STATS, -1, &err) == 0, "gather failed");
        good_step(run);
    }
}

static void a_failed_gather_leaves_nothing_behind(struct run *run)
{
    struct err err = { 0 };
    int rc;

    for (int fail_at = 0; fail_at < run->ranks.size; fail_at++) {
        rc = gather(run, MSG_STATS, fail_at, &err);
        require(rc == (run->ranks.rank == 0 ? -1 : 0), "rank 0 alone sees the failure");
        require(agree_step(&run->ranks, rc, &err) == -1, "and the step tells the others");
        require(err.code == ERR_DEFECT && strcmp(err.text, "take failed") == 0,
                "in its words");
        err_clear(&err);
        require(gather(run, MSG_STATS, -1, &err) == 0, "the next gather failed");
        good_step(run);
    }
}

struct test {
    const char *name;
    void (*run)(struct run *run);
};

enum { SPREAD_NODES = 2 };

/* The ranks one by one on up to two nodes, whatever MPI says. */
static void spread_out(struct run *run, int node_of[8], int keeper_of[SPREAD_NODES])
{
    struct ranks *ranks = &run->ranks;

    ranks->nodes = ranks->size < SPREAD_NODES ? ranks->size : SPREAD_NODES;
    for (int i = 0; i < ranks->size; i++)
        node_of[i] = i % ranks->nodes;
    for (int i = 0; i < ranks->nodes; i++)
        keeper_of[i] = i;
    ranks->node_of = node_of;
    ranks->keeper_of = keeper_of;
}

static void come_together(struct run *run)
{
    run->ranks.node_of = run->ranks.keeper_of = NULL;
    run->ranks.nodes = 0;
}

/* Each node what its keeper has, at times nothing at all. */
static void nodes_share_their_own(struct run *run)
{
    int node_of[8], keeper_of[SPREAD_NODES];
    struct err err = { 0 };

    spread_out(run, node_of, keeper_of);
    for (int round = 0; round < ROUNDS; round++) {
        int node = nodes_of(&run->ranks, run->ranks.rank);
        struct strbuf bytes = { 0 };
        char want[32];

        snprintf(want, sizeof(want), "node %d round %d", node, round);
        if (nodes_keeper(&run->ranks, node) == run->ranks.rank && round % 5 != node)
            strbuf_adds(&bytes, want);
        require(nodes_share(&run->ranks, &bytes, &err) == 0, "it fails");
        if (round % 5 == node)
            require(bytes.len == 0, "something out of nothing");
        else
            require(bytes.len == strlen(want) && memcmp(bytes.data, want, bytes.len) == 0,
                    "the bytes of another node");
        strbuf_release(&bytes);
        require(agree_step(&run->ranks, 0, &err) == 0, "the step after it fails");
    }
    come_together(run);
}

/* One rank has an error of that class. All learn what becomes of it. */
static int fail_at(struct run *run, int rank, enum err_code code, struct err *err)
{
    err_clear(err);
    return outcome_step(
        run, run->ranks.rank == rank ? err_set(err, code, "broken at %d", rank) : 0, err);
}

static void a_node_fails_alone(struct run *run)
{
    int node_of[8], keeper_of[SPREAD_NODES], last = run->ranks.size - 1;
    struct err err = { 0 };

    spread_out(run, node_of, keeper_of);
    require(outcome_open(run, &err) == 0, "no memory");
    require(fail_at(run, -1, ERR_NONE, &err) == 0, "an error out of nothing");
    require(fail_at(run, last, ERR_NETWORK, &err) == -1, "no error of a node is one");
    require(err.code == ERR_NETWORK && err.rank == last, "another error");
    require(!run->nodes.out, "a node is out for it");
    if (run->ranks.nodes > 1) {
        require(fail_at(run, last, ERR_DEST, &err) == 0, "it ends the run");
        for (int i = 0; i < run->ranks.nodes; i++)
            require(run->nodes.failed[i] == (i == node_of[last]), "another node is out");
        require(run->nodes.out == (node_of[run->ranks.rank] == node_of[last]),
                "a rank thinks otherwise");
        require(fail_at(run, last, ERR_DEST, &err) == 0, "it fails twice");
    }
    for (int i = 0; i + 1 < run->ranks.nodes; i++)
        if (i != node_of[last])
            fail_at(run, i, ERR_DEST, &err);
    require(fail_at(run, run->ranks.nodes - 1, ERR_DEST, &err) == -1, "nobody is left");
    require(err.code == ERR_DEST && strstr(err.text, "broken at "), "without a reason");
    outcome_release(run);
    come_together(run);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        { "all leave with the same error", all_leave_with_the_same_error },
        { "no reason is a defect", a_failure_without_reason_is_a_defect },
        { "order of arrival", the_order_of_arrival_makes_no_difference },
        { "an interrupted rank", an_interrupted_rank_reaches_rank_0 },
        { "gather", a_gather_takes_once_of_each_rank },
        { "votes during a gather", votes_during_a_gather_count },
        { "a late gather", rank_0_gathers_late },
        { "a failed gather", a_failed_gather_leaves_nothing_behind },
        { "a share overtakes", a_share_overtakes_the_decision },
        { "an empty share overtakes", an_empty_share_overtakes_the_decision },
        { "many shares overtake", many_shares_overtake_the_decision },
        { "orders overtake", orders_overtake_the_decision },
        { "shares", shares_reach_all },
        { "shares of nodes", nodes_share_their_own },
        { "a node fails", a_node_fails_alone },
    };
    struct moment never = { .interrupted_rank = -1 };
    struct run run = { .ranks.interrupted = is_interrupted };
    struct err err = { 0 };
    int provided;

    alarm(PATIENCE);
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    require(comm_open(&run.ranks.comm, MPI_COMM_WORLD, &err) == 0, "comm_open");
    run.ranks.rank = comm_rank(run.ranks.comm);
    run.ranks.size = comm_size(run.ranks.comm);
    require(run.ranks.size <= 8, "made for up to 8 ranks");
    for (size_t i = 0; i < countof(tests); i++) {
        run.ranks.interrupted_arg = &never;
        now_testing = tests[i].name;
        tests[i].run(&run);
        if (run.ranks.rank == 0)
            printf("ok %s\n", tests[i].name);
        fflush(stdout);
    }
    agree_release(&run.ranks.agree);
    require(comm_close(run.ranks.comm, PATIENCE), "a message did not leave");
    MPI_Finalize();
    return 0;
}
