#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/sched/spread.h"

enum { NODES = 4 };

static const uint64_t MIB = 1 << 20;

/* Segments of 1 MiB: a file of four (0 to 3), a small one (4), an empty one, a file of two
 * (5, 6). */
static struct plan_file files[4];
static const struct plan plan = { .files = files, .nfiles = 4 };

struct fixture {
    struct segments segments;
    struct spread *spread;
    struct spread_ticket ticket;
};

static struct fixture fixture;

static int make(int nodes, uint64_t window, uint64_t run)
{
    const struct spread_policy policy = { .window = window, .run = run };

    files[0] = (struct plan_file){ .size = 3 * MIB + 5 };
    files[1] = (struct plan_file){ .size = 7 };
    files[2] = (struct plan_file){ .size = 0 };
    files[3] = (struct plan_file){ .size = 2 * MIB };
    return segments_cut(&fixture.segments, &plan, MIB, NULL) < 0 ||
           spread_create(&fixture.spread, &fixture.segments, nodes, &policy, NULL) < 0;
}

static int setup(void **state)
{
    *state = &fixture;
    return make(NODES, 64 * MIB, 8 * MIB);
}

static int teardown(void **state)
{
    (void)state;
    spread_destroy(fixture.spread);
    segments_release(&fixture.segments);
    return 0;
}

static int again(int nodes, uint64_t window, uint64_t run)
{
    teardown(NULL);
    return make(nodes, window, run);
}

static void have(int node, uint32_t first, uint32_t count)
{
    spread_have(fixture.spread, node, first, count);
}

static void expect_none(void)
{
    assert_false(spread_next(fixture.spread, &fixture.ticket));
}

/* The next ticket: that run, to so many nodes. from: -1: any. */
static void expect_ticket(int from, uint32_t first, uint32_t count, uint32_t hops)
{
    const struct spread_ticket *ticket = &fixture.ticket;

    assert_true(spread_next(fixture.spread, &fixture.ticket));
    assert_int_equal(ticket->first, first);
    assert_int_equal(ticket->count, count);
    assert_int_equal(ticket->nhops, hops);
    if (from >= 0)
        assert_int_equal(ticket->from, from);
}

/* Everything comes to those nodes by the last ticket. */
static void arrive(void)
{
    for (uint32_t i = 0; i < fixture.ticket.nhops; i++)
        have(fixture.ticket.hop[i].node, fixture.ticket.first, fixture.ticket.count);
}

static void test_what_has_come_to_one_goes_to_all_others(void **state)
{
    (void)state;
    expect_none();
    have(2, 1, 2);
    expect_ticket(2, 1, 2, NODES - 1);
    for (uint32_t i = 0; i < NODES - 1; i++)
        assert_int_not_equal(fixture.ticket.hop[i].node, 2);
    expect_none(); /* it is on its way */
    arrive();
    expect_none();
}

static void test_finished_when_the_last_has_all(void **state)
{
    (void)state;
    have(0, 0, 7);
    assert_true(spread_complete(fixture.spread, 0));
    expect_ticket(0, 0, 7, NODES - 1);
    for (int node = 1; node < NODES; node++) {
        have(node, 0, 6);
        assert_false(spread_complete(fixture.spread, node));
        assert_false(spread_finished(fixture.spread));
        have(node, 6, 1);
        assert_true(spread_complete(fixture.spread, node));
    }
    assert_true(spread_finished(fixture.spread));
}

static void test_a_run_keeps_to_its_bytes(void **state)
{
    (void)state;
    assert_int_equal(again(NODES, 64 * MIB, 2 * MIB), 0);
    have(1, 0, 7);
    expect_ticket(1, 0, 2, 3);
    expect_ticket(1, 2, 3, 3);
    expect_ticket(1, 5, 2, 3);
    expect_none();
}

static void test_one_node_needs_nobody(void **state)
{
    (void)state;
    assert_int_equal(again(1, MIB, MIB), 0);
    have(0, 0, 7);
    expect_none();
    assert_true(spread_finished(fixture.spread));
}

static void test_a_node_gets_no_more_than_its_window(void **state)
{
    (void)state;
    assert_int_equal(again(2, 2 * MIB, MIB), 0);
    have(0, 0, 7);
    expect_ticket(0, 0, 1, 1);
    expect_none();
    have(1, 0, 1);
    expect_ticket(0, 1, 1, 1);
}

/* One lags, and the others do not wait for it; it gets later what it needs. */
static void test_who_lags_is_passed_over(void **state)
{
    (void)state;
    assert_int_equal(again(3, 2 * MIB, MIB), 0);
    have(0, 0, 7);
    expect_ticket(0, 0, 1, 2);
    have(1, 0, 1);
    expect_ticket(0, 1, 1, 2);
    have(1, 1, 1);
    expect_ticket(0, 2, 1, 1);
    assert_int_equal(fixture.ticket.hop[0].node, 1);
    have(1, 2, 1);
    have(2, 0, 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(spread_next(fixture.spread, &fixture.ticket));
        arrive();
    }
    while (spread_next(fixture.spread, &fixture.ticket))
        arrive();
    assert_true(spread_finished(fixture.spread));
}

static void test_a_file_that_a_node_does_not_want(void **state)
{
    (void)state;
    spread_skip(fixture.spread, 3, 0);
    spread_skip(fixture.spread, 3, 0);
    have(0, 0, 7);
    expect_ticket(0, 0, 4, 2);
    arrive();
    expect_ticket(0, 4, 3, 3);
    arrive();
    assert_true(spread_finished(fixture.spread));
    assert_true(spread_complete(fixture.spread, 3));
}

static void test_a_node_passes_on_what_it_does_not_want(void **state)
{
    (void)state;
    spread_skip(fixture.spread, 3, 0);
    have(3, 0, 4);
    expect_ticket(3, 0, 4, 3);
    spread_lack(fixture.spread, 3, 0, 4);
    arrive();
    have(0, 4, 3);
    expect_ticket(0, 4, 3, 3);
    arrive();
    assert_true(spread_finished(fixture.spread));
}

static void test_what_is_bad_on_one_node_comes_from_another(void **state)
{
    (void)state;
    have(0, 0, 7);
    expect_ticket(0, 0, 7, 3);
    arrive();
    spread_lack(fixture.spread, 1, 2, 1);
    assert_false(spread_complete(fixture.spread, 1));
    assert_true(spread_anywhere(fixture.spread, 2));
    expect_ticket(-1, 2, 1, 1);
    assert_int_equal(fixture.ticket.hop[0].node, 1);
    assert_int_not_equal(fixture.ticket.from, 1);
    arrive();
    assert_true(spread_finished(fixture.spread));
}

static void test_what_is_bad_everywhere_is_nowhere(void **state)
{
    (void)state;
    have(0, 0, 7);
    expect_ticket(0, 0, 7, 3);
    arrive();
    for (int node = 0; node < NODES; node++)
        spread_lack(fixture.spread, node, 5, 2);
    assert_false(spread_anywhere(fixture.spread, 5));
    expect_none();
    have(3, 5, 2);
    expect_ticket(3, 5, 2, 3);
    arrive();
    assert_true(spread_finished(fixture.spread));
}

/* The root loses it before it is sent. */
static void test_what_is_bad_before_its_ticket(void **state)
{
    (void)state;
    have(0, 0, 1);
    have(1, 0, 1);
    spread_lack(fixture.spread, 0, 0, 1);
    expect_ticket(1, 0, 1, 3);
    arrive();
    expect_none();
}

static void test_what_fails_comes_another_way(void **state)
{
    int from, to;

    (void)state;
    assert_int_equal(again(3, 64 * MIB, 8 * MIB), 0);
    have(0, 0, 1);
    have(1, 0, 1);
    expect_ticket(-1, 0, 1, 1);
    from = fixture.ticket.from;
    to = fixture.ticket.hop[0].node;
    spread_failed(fixture.spread, from, to, 0, 1);
    expect_ticket(1 - from, 0, 1, 1);
    assert_int_equal(fixture.ticket.hop[0].node, to);
    arrive();
    expect_none();
}

static void test_the_only_one_that_has_it_is_asked_again(void **state)
{
    (void)state;
    assert_int_equal(again(2, 64 * MIB, 8 * MIB), 0);
    have(0, 0, 7);
    expect_ticket(0, 0, 7, 1);
    have(1, 0, 3);
    spread_failed(fixture.spread, 0, 1, 0, 7);
    expect_ticket(0, 3, 4, 1);
    arrive();
    assert_true(spread_finished(fixture.spread));
}

/* Below the node that misses it nobody gets it either: by new tickets they do. */
static void test_below_a_failure_all_get_it_later(void **state)
{
    enum { MANY = 20 };
    const struct spread_hop *hop;
    unsigned got[MANY] = { 0 }, below, all = 0;
    int root = 7, missed;

    (void)state;
    assert_int_equal(again(MANY, 64 * MIB, 8 * MIB), 0);
    have(root, 0, 4);
    expect_ticket(root, 0, 4, MANY - 1);
    hop = fixture.ticket.hop; /* the first is a child of the root */
    missed = hop->node;
    below = hop->nodes;
    assert_true(below > 1 && below < MANY - 1);
    spread_failed(fixture.spread, root, missed, 0, 4);
    while (spread_next(fixture.spread, &fixture.ticket))
        for (uint32_t i = 0; i < fixture.ticket.nhops; i++) {
            got[fixture.ticket.hop[i].node]++;
            have(fixture.ticket.hop[i].node, fixture.ticket.first, fixture.ticket.count);
        }
    for (int node = 0; node < MANY; node++) {
        assert_true(got[node] < 2);
        all += got[node];
    }
    assert_int_equal(got[missed], 1);
    assert_int_equal(all, below);
    for (int node = 0; node < MANY; node++)
        have(node, 0, 4);
    expect_none();
}

/* It has come another way meanwhile; but those below wait for it by the way that failed. */
static void test_below_a_failure_of_what_is_there(void **state)
{
    enum { MANY = 20 };
    int missed;

    (void)state;
    assert_int_equal(again(MANY, 64 * MIB, 8 * MIB), 0);
    have(7, 0, 4);
    expect_ticket(7, 0, 4, MANY - 1);
    missed = fixture.ticket.hop[0].node;
    have(missed, 0, 4);
    spread_failed(fixture.spread, 7, missed, 0, 4);
    expect_ticket(-1, 0, 4, fixture.ticket.hop[0].nodes - 1u);
}

static void test_a_node_that_drops_out(void **state)
{
    (void)state;
    have(0, 0, 4);
    have(1, 4, 3);
    expect_ticket(-1, fixture.ticket.first, fixture.ticket.count, 3);
    spread_drop(fixture.spread, 1);
    assert_false(spread_anywhere(fixture.spread, 4));
    assert_true(spread_anywhere(fixture.spread, 0));
    have(1, 4, 3); /* it comes too late */
    assert_false(spread_anywhere(fixture.spread, 4));
    have(2, 4, 3);
    while (spread_next(fixture.spread, &fixture.ticket)) {
        for (uint32_t i = 0; i < fixture.ticket.nhops; i++)
            assert_int_not_equal(fixture.ticket.hop[i].node, 1);
        arrive();
    }
    have(0, 4, 3);
    have(2, 0, 4);
    have(3, 0, 7);
    assert_true(spread_finished(fixture.spread));
    assert_false(spread_complete(fixture.spread, 1));
}

static void test_a_file_that_becomes_whole(void **state)
{
    (void)state;
    spread_skip(fixture.spread, 2, 0);
    have(0, 0, 2);
    expect_ticket(0, 0, 2, 2);
    arrive();
    files[0].flags |= PLAN_WHOLE;
    spread_whole(fixture.spread, 0);
    assert_false(spread_anywhere(fixture.spread, 0));
    expect_none();
    have(3, 0, 1);
    expect_ticket(3, 0, 1, 2);
    arrive();
    have(3, 4, 3);
    expect_ticket(3, 4, 3, 3);
    arrive();
    assert_true(spread_finished(fixture.spread));
}

static void test_too_many_nodes(void **state)
{
    const struct spread_policy policy = { .window = MIB, .run = MIB };
    struct spread *spread;
    struct err err = { 0 };

    (void)state;
    assert_int_equal(
        spread_create(&spread, &fixture.segments, UINT16_MAX + 1, &policy, &err), -1);
    assert_int_equal(err.code, ERR_USAGE);
    assert_null(spread);
}

#define spread_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        spread_test(test_what_has_come_to_one_goes_to_all_others),
        spread_test(test_finished_when_the_last_has_all),
        spread_test(test_a_run_keeps_to_its_bytes),
        spread_test(test_one_node_needs_nobody),
        spread_test(test_a_node_gets_no_more_than_its_window),
        spread_test(test_who_lags_is_passed_over),
        spread_test(test_a_file_that_a_node_does_not_want),
        spread_test(test_a_node_passes_on_what_it_does_not_want),
        spread_test(test_what_is_bad_on_one_node_comes_from_another),
        spread_test(test_what_is_bad_everywhere_is_nowhere),
        spread_test(test_what_is_bad_before_its_ticket),
        spread_test(test_what_fails_comes_another_way),
        spread_test(test_the_only_one_that_has_it_is_asked_again),
        spread_test(test_below_a_failure_all_get_it_later),
        spread_test(test_below_a_failure_of_what_is_there),
        spread_test(test_a_node_that_drops_out),
        spread_test(test_a_file_that_becomes_whole),
        spread_test(test_too_many_nodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
