/* What rank 0 grants while a node lags behind: the scheduler and the planner as they are, by
 * an invented clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <stdlib.h>

#include <cmocka.h>

#include "coordinate/yielding.h"
#include "io/mpi/comm.h"

enum {
    MIB = 1 << 20,
    RANKS = 4,
    NODES = 3,
    SLOW = 2,
    HAD = 60,
    SEGMENTS = 80,
    TOGETHER = 4
};

/* Ranks 0 and 3 are on node 0. */
static const int node_of_rank[RANKS] = { 0, 1, SLOW, 0 };

static struct world {
    struct run run;
    struct plan_file file;
    struct dispatch dispatch;
    struct egress egress;
    struct steering steering;
    struct steering_rank rank[RANKS];
    struct spread *spread;
    struct yielding yielding;
    bool failed[NODES];
    uint32_t came; /* segments, to the slow one */
    uint64_t fetched;
    double now;
} w;

int comm_node(const struct comm *comm, int rank)
{
    (void)comm;
    return node_of_rank[rank];
}

int comm_nodes(const struct comm *comm)
{
    (void)comm;
    return NODES;
}

/* What else the archive asks for: nothing is sent here. */
int comm_node_lowest(const struct comm *comm, int node)
{
    (void)comm;
    return node;
}

bool comm_node_first(const struct comm *comm)
{
    (void)comm;
    return true;
}

int comm_node_size(const struct comm *comm, int node)
{
    (void)comm;
    return node == 0 ? 2 : 1;
}

const char *comm_host(const struct comm *comm, int rank)
{
    (void)comm;
    (void)rank;
    return "n";
}

int comm_send(struct comm *comm, int to, const void *bytes, size_t len, struct err *err)
{
    (void)comm;
    (void)to;
    (void)bytes;
    (void)len;
    (void)err;
    return 0;
}

int comm_recv(struct comm *comm, struct strbuf *buf, int *from, struct err *err)
{
    (void)comm;
    (void)buf;
    (void)from;
    (void)err;
    return 0;
}

static void open_parts(void)
{
    static const unsigned slots[RANKS] = { 4, 4, 4, 4 };
    const struct sched_policy policy = { .slots = 16, .stall = 15 };
    struct spread_policy window = spread_policy(&w.run.segments);

    assert_int_equal(
        sched_create(&w.dispatch.sched, &w.run.segments, RANKS, &policy, NULL), 0);
    assert_int_equal(spread_create(&w.spread, &w.run.segments, NODES, &window, NULL), 0);
    assert_int_equal(egress_init(&w.egress, slots, RANKS, NULL), 0);
    for (int i = 0; i < RANKS; i++)
        w.rank[i].told = slots[i];
    w.dispatch.run = &w.run;
    w.steering =
        (struct steering){ .dispatch = &w.dispatch, .egress = &w.egress, .rank = w.rank };
    w.steering.governor.level = 16;
    assert_int_equal(yielding_open(&w.yielding, &w.steering, w.spread, NULL), 0);
}

/* Node 0 has so many segments, and node 1 has them from there at once. */
static int begin(void **state)
{
    struct spread_ticket ticket;

    (void)state;
    w = (struct world){ .file = { .size = (uint64_t)SEGMENTS * MIB } };
    w.run.plan = (struct plan){ .files = &w.file, .nfiles = 1, .nbytes = w.file.size };
    w.run.ranks.size = RANKS;
    w.run.nodes.failed = w.failed;
    assert_int_equal(
        segments_cut_finely(&w.run.segments, &w.run.plan, MIB, 0, TOGETHER, NULL), 0);
    open_parts();
    for (uint32_t i = 0; i < HAD; i++)
        sched_have(w.dispatch.sched, i);
    spread_have(w.spread, 0, 0, HAD);
    while (spread_next(w.spread, &ticket))
        ;
    spread_have(w.spread, 1, 0, HAD);
    return 0;
}

static int end(void **state)
{
    (void)state;
    yielding_release(&w.yielding);
    egress_release(&w.egress);
    spread_destroy(w.spread);
    sched_destroy(w.dispatch.sched);
    segments_release(&w.run.segments);
    return 0;
}

/* The rank of the slow node fetches a segment, at 8 MiB a second. */
static void fetch_one(void)
{
    struct sched_action action;

    sched_credit(w.dispatch.sched, SLOW, 1);
    assert_true(sched_next(w.dispatch.sched, w.now, &action));
    assert_int_equal(action.rank, SLOW);
    sched_progress(w.dispatch.sched, SLOW, action.segment[0], 0, w.now);
    for (int i = 0; i < 4; i++) {
        w.now += 0.25;
        w.fetched += 2 * MIB;
        sched_received(w.dispatch.sched, SLOW, w.fetched, w.now);
    }
    assert_true(sched_done(w.dispatch.sched, SLOW, action.segment[0], 1, w.now));
}

/* For two seconds two segments a second come to it. */
static void lag_behind(void)
{
    for (int i = 0; i < 4; i++) {
        w.now += 0.5;
        spread_have(w.spread, SLOW, w.came++, 1);
        yielding_step(&w.yielding, w.now);
    }
}

/* To how many of the others something is granted, of those that wait. */
static unsigned granted_to_others(void)
{
    struct sched_action action;
    unsigned others = 0;

    while (sched_next(w.dispatch.sched, w.now, &action))
        others += action.rank != SLOW;
    return others;
}

static void ask_for_all(void)
{
    for (int rank = 0; rank < RANKS; rank++)
        sched_credit(w.dispatch.sched, rank, 1);
}

static void others_wait_while_one_lags(void **state)
{
    (void)state;
    for (int rank = 0; rank < RANKS; rank++)
        egress_open(&w.egress, rank);
    fetch_one();
    lag_behind();
    ask_for_all();
    assert_int_equal(granted_to_others(), 0);
    assert_int_equal(sched_held(w.dispatch.sched, SLOW), 1);
    /* It waits long for the next one. */
    assert_int_equal(sched_load(w.dispatch.sched, SLOW).leased, TOGETHER * MIB);
    /* Once all of it has come they go on. */
    spread_have(w.spread, SLOW, 0, HAD);
    yielding_step(&w.yielding, w.now + 1);
    assert_int_equal(granted_to_others(), 3);
    assert_int_equal(sched_load(w.dispatch.sched, 0).leased, MIB);
}

/* Nothing is known of a rank that has fetched nothing yet: it is left to others to mute it. */
static void who_has_not_fetched_yet_is_left_alone(void **state)
{
    (void)state;
    for (int rank = 1; rank < RANKS; rank++)
        egress_open(&w.egress, rank);
    fetch_one();
    lag_behind();
    ask_for_all();
    assert_int_equal(granted_to_others(), 1);
    assert_int_equal(sched_held(w.dispatch.sched, 0), 1);
}

static void none_waits_if_all_of_it_has_come(void **state)
{
    (void)state;
    for (int rank = 0; rank < RANKS; rank++)
        egress_open(&w.egress, rank);
    fetch_one();
    spread_have(w.spread, SLOW, 0, HAD);
    for (int i = 0; i < 4; i++)
        yielding_step(&w.yielding, w.now += 0.5);
    ask_for_all();
    assert_int_equal(granted_to_others(), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(others_wait_while_one_lags, begin, end),
        cmocka_unit_test_setup_teardown(who_has_not_fetched_yet_is_left_alone, begin,
                                        end),
        cmocka_unit_test_setup_teardown(none_waits_if_all_of_it_has_come, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
