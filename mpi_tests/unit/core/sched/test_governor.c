/* The governor against sources of many kinds, in a time of its own. A share is that of the
 * seconds which the source would take at its best. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/sched/governor.h"
#include "sim_source.h"

static const struct governor_policy usual = { .start = 32, .least = 1, .most = 128 },
                                    pinned = { .start = 32,
                                               .least = 1,
                                               .most = 128,
                                               .pinned = true };

/* What the bar asks: 0.85 in runs of 60 s and more. After it has learned, the source is
 * not driven over its limit again: each time costs two seconds. */
static void test_collapsing(void **state)
{
    const struct sim_source kinds[] = {
        { .ranks = 4, .all = 100e6, .share = 0.01, .noise = 0.1 },
        { .ranks = 4, .host = 25e6, .share = 0.01, .noise = 0.2 },
        { .ranks = 1, .all = 100e6, .share = 0.01, .noise = 0.1 },
    };

    (void)state;
    for (size_t i = 0; i < countof(kinds); i++)
        for (unsigned limit = 6; limit <= 64; limit++) {
            struct sim_source source = kinds[i];
            struct sim_result result;

            source.limit = limit;
            result = sim_run(&source, &usual, 60);
            assert_true(result.share >= 0.85);
            assert_in_range(result.level, 1, limit);
            assert_in_range(result.collapses, 0, 3);
            result = sim_run(&source, &usual, 600);
            assert_true(result.share >= 0.96);
            assert_in_range(result.collapses, 0, 6);
        }
}

/* Here each connection counts, and to find the limit costs something. */
static void test_collapsing_and_capped(void **state)
{
    double sum = 0;

    (void)state;
    for (unsigned limit = 6; limit <= 64; limit++) {
        const struct sim_source source = {
            .ranks = 4, .each = 4e6, .limit = limit, .share = 0.01, .noise = 0.1
        };
        struct sim_result result = sim_run(&source, &usual, 60);

        assert_true(result.share >= 0.70);
        assert_in_range(result.level, 1, limit);
        assert_in_range(result.collapses, 0, 4);
        sum += result.share;
    }
    assert_true(sum / 59 >= 0.80);
}

static void test_steady(void **state)
{
    const struct sim_source kinds[] = {
        { .ranks = 4, .all = 100e6 },
        { .ranks = 4, .all = 100e6, .noise = 0.3 },
        { .ranks = 4, .host = 25e6, .noise = 0.1 },
    };

    (void)state;
    for (size_t i = 0; i < countof(kinds); i++) {
        struct sim_result result = sim_run(&kinds[i], &usual, 120);

        assert_true(result.share >= 0.98);
        assert_in_range(result.lowest, usual.start, usual.start);
        assert_in_range(result.changes, 0, 20);
    }
}

/* As fast as it goes, and over before anybody would notice. */
static void test_short_run(void **state)
{
    const struct sim_source source = { .ranks = 4, .all = 1e9 };
    struct sim_result result = sim_run(&source, &usual, 5);

    (void)state;
    assert_int_equal(result.changes, 0);
    assert_true(result.share >= 0.98);
}

static void test_capped_per_connection(void **state)
{
    const struct sim_source kinds[] = {
        { .ranks = 4, .each = 1e6 },
        { .ranks = 4, .each = 1e6, .noise = 0.2 },
        { .ranks = 1, .each = 8e6, .noise = 0.1 },
    };

    (void)state;
    for (size_t i = 0; i < countof(kinds); i++) {
        struct sim_result result = sim_run(&kinds[i], &usual, 60);

        assert_int_equal(result.level, usual.most);
        assert_true(result.share >= 0.90);
    }
}

/* A connection brings 1 MB/s, a host at most 12: so 12 connections a host. */
static void test_capped_per_host(void **state)
{
    const struct sim_source source = {
        .ranks = 4, .each = 1e6, .host = 12e6, .noise = 0.05
    };
    struct sim_result result = sim_run(&source, &usual, 60);

    (void)state;
    assert_true(result.share >= 0.97);
    assert_in_range(result.level, 48, 72);
}

/* It gives little at first: that may look like a collapse, but is none. */
static void test_slow_start(void **state)
{
    const struct sim_source kinds[] = {
        { .ranks = 4, .all = 100e6, .ramp = 10, .noise = 0.1 },
        { .ranks = 4, .each = 2e6, .ramp = 5, .noise = 0.1 },
        { .ranks = 1, .host = 50e6, .ramp = 20, .noise = 0.1 },
    };

    (void)state;
    for (size_t i = 0; i < countof(kinds); i++) {
        struct sim_result result = sim_run(&kinds[i], &usual, 60);

        assert_in_range(result.level, usual.start, usual.most);
        assert_true(result.seconds <= 1.01 * sim_run(&kinds[i], &pinned, 60).seconds);
    }
}

static void test_one_slow_node(void **state)
{
    const struct sim_source kinds[] = {
        { .ranks = 4, .host = 25e6, .slow = 2.5e6, .noise = 0.1 },
        { .ranks = 4, .host = 25e6, .slow = 25e3, .slow_at = 20, .noise = 0.1 },
        { .ranks = 2, .host = 25e6, .slow = 25e3, .slow_at = 20, .noise = 0.1 },
    };

    (void)state;
    for (size_t i = 0; i < countof(kinds); i++)
        assert_in_range(sim_run(&kinds[i], &usual, 60).lowest, usual.start, usual.start);
}

/* The source itself is slow for a while: fewer do not help, and all come back. */
static void test_slow_for_a_while(void **state)
{
    const struct sim_source source = { .ranks = 4,
                                       .all = 100e6,
                                       .drop_at = 20,
                                       .drop_until = 60,
                                       .drop_to = 0.02,
                                       .noise = 0.1 };
    struct sim_result result = sim_run(&source, &usual, 60);

    (void)state;
    assert_in_range(result.level, usual.start, 48);
    assert_true(result.seconds <= 60 + 40 + 3);
}

/* From the start, and for all of the run: it costs a look, once. */
static void test_slow_always(void **state)
{
    const struct sim_source kinds[] = { { .ranks = 4, .each = 50e3, .noise = 0.1 },
                                        { .ranks = 1, .all = 3e6, .noise = 0.1 } };
    const struct governor_policy policy = { .start = 32, .least = 1, .most = 32 };

    (void)state;
    for (size_t i = 0; i < countof(kinds); i++) {
        struct sim_result result = sim_run(&kinds[i], &policy, 120);

        assert_true(result.share >= 0.90);
        assert_int_equal(result.level, 32);
    }
}

static void test_refusing(void **state)
{
    const struct sim_source source = { .ranks = 4, .all = 100e6, .refuses = 20 };
    struct sim_result result = sim_run(&source, &usual, 60);

    (void)state;
    assert_in_range(result.level, 8, 20);
}

static void test_pinned(void **state)
{
    const struct sim_source kinds[] = {
        { .ranks = 4, .each = 1e6 },
        { .ranks = 4, .all = 1e6, .limit = 8, .share = 0.01 },
        { .ranks = 4, .all = 1e6, .refuses = 8 },
    };

    (void)state;
    for (size_t i = 0; i < countof(kinds); i++)
        assert_int_equal(sim_run(&kinds[i], &pinned, 10).changes, 0);
}

/* A limited rate is not exceeded with more connections; but a collapse is one. */
static void test_limited_rate(void **state)
{
    const struct governor_policy policy = {
        .start = 32, .least = 1, .most = 128, .capped = true
    };
    const struct sim_source steady = { .ranks = 4, .each = 1e6 }, collapsing = {
        .ranks = 4, .all = 10e6, .limit = 8, .share = 0.01
    };

    (void)state;
    assert_int_equal(sim_run(&steady, &policy, 60).changes, 0);
    assert_in_range(sim_run(&collapsing, &policy, 60).level, 1, 8);
}

static void say(struct governor *governor, uint64_t bytes, double now)
{
    for (int rank = 0; rank < 2; rank++)
        governor_hear(governor, rank, bytes, now);
}

/* The last pieces come slowly: nothing waits behind them, so nothing is judged. */
static void test_end_of_work(void **state)
{
    struct governor governor;
    struct governor_work work = { .running = 32, .hungry = true, .left = 1u << 30 };
    struct governor_change change;
    struct err err = { 0 };
    uint64_t bytes = 0;
    double now = 0;

    (void)state;
    assert_int_equal(governor_init(&governor, &usual, 2, &err), 0);
    for (; now < 3; now += 0.25) {
        say(&governor, bytes += 5 << 20, now);
        governor_step(&governor, &work, now, &change);
    }
    work.hungry = false;
    for (; now < 20; now += 0.25) {
        say(&governor, bytes += 1024, now);
        work.running -= work.running > 2;
        assert_false(governor_step(&governor, &work, now, &change));
        assert_true(governor_is_calm(&governor));
    }
    governor_release(&governor);
}

/* One node brings most of it, and gets slow: the other sees nothing of that. */
static void test_one_node_of_two(void **state)
{
    struct governor governor;
    const struct governor_work work = { .running = 32, .hungry = true, .left = 1u << 30 };
    const struct governor_policy policy = { .start = 32, .least = 1, .most = 32 };
    struct governor_change change;
    struct err err = { 0 };
    uint64_t fast = 0, slow = 0;

    (void)state;
    assert_int_equal(governor_init(&governor, &policy, 2, &err), 0);
    for (double now = 0; now < 20; now += 0.25) {
        governor_hear(&governor, 0, fast += now < 5 ? 25 << 20 : 25 << 10, now);
        governor_hear(&governor, 1, slow += 1 << 20, now);
        assert_false(governor_step(&governor, &work, now, &change));
    }
    governor_release(&governor);
}

/* Fewer pieces than connections: nothing waits, and yet too many ask at a time. */
static void test_few_pieces(void **state)
{
    struct governor governor;
    const struct governor_work work = { .running = 24, .left = 24u << 20 };
    struct governor_change change = { 0 };
    struct err err = { 0 };
    uint64_t bytes = 0;
    bool moved = false;

    (void)state;
    assert_int_equal(governor_init(&governor, &usual, 2, &err), 0);
    for (double now = 0; now < 3 && !moved; now += 0.25) {
        say(&governor, bytes += 4096, now);
        moved = governor_step(&governor, &work, now, &change);
    }
    assert_true(moved);
    assert_int_equal(change.reason, GOVERNOR_TRIES_FEWER);
    assert_true(change.at_once);
    governor_release(&governor);
}

/* With a full disk or a limit of our own more connections are not tried. */
static void test_held_by_us(void **state)
{
    struct governor governor;
    struct governor_work work = {
        .running = 32, .held = 20, .hungry = true, .left = 1u << 30
    };
    struct governor_change change;
    struct err err = { 0 };
    uint64_t bytes = 0;
    bool moved = false;

    (void)state;
    assert_int_equal(governor_init(&governor, &usual, 2, &err), 0);
    for (double now = 0; now < 5; now += 0.25) {
        say(&governor, bytes += 8 << 20, now);
        assert_false(governor_step(&governor, &work, now, &change));
    }
    work.held = 2;
    for (double now = 5; now < 8; now += 0.25) {
        say(&governor, bytes += 8 << 20, now);
        moved |= governor_step(&governor, &work, now, &change);
    }
    assert_true(moved);
    assert_int_equal(change.to, 48);
    assert_int_equal(change.reason, GOVERNOR_TRIES_MORE);
    governor_release(&governor);
}

/* What stands still because we do not take it is no collapse. */
static void test_held_is_no_collapse(void **state)
{
    struct governor_policy policy = usual;
    struct governor governor;
    struct governor_work work = { .running = 32, .hungry = true, .left = 1u << 30 };
    struct governor_change change;
    struct err err = { 0 };
    uint64_t bytes = 0;
    bool moved = false;

    (void)state;
    policy.most = policy.start;
    assert_int_equal(governor_init(&governor, &policy, 2, &err), 0);
    for (double now = 0; now < 15; now += 0.25) {
        bytes += now < 5 ? 8 << 20 : 0;
        work.held = now < 5 ? 0 : 20;
        say(&governor, bytes, now);
        assert_false(governor_step(&governor, &work, now, &change));
    }
    for (double now = 15; now < 20; now += 0.25) {
        bytes += now < 18 ? 8 << 20 : 0;
        work.held = 0;
        say(&governor, bytes, now);
        moved |= governor_step(&governor, &work, now, &change);
    }
    assert_true(moved);
    assert_int_equal(change.reason, GOVERNOR_COLLAPSED);
    governor_release(&governor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_collapsing),
        cmocka_unit_test(test_collapsing_and_capped),
        cmocka_unit_test(test_steady),
        cmocka_unit_test(test_short_run),
        cmocka_unit_test(test_capped_per_connection),
        cmocka_unit_test(test_capped_per_host),
        cmocka_unit_test(test_slow_start),
        cmocka_unit_test(test_one_slow_node),
        cmocka_unit_test(test_slow_for_a_while),
        cmocka_unit_test(test_slow_always),
        cmocka_unit_test(test_refusing),
        cmocka_unit_test(test_pinned),
        cmocka_unit_test(test_limited_rate),
        cmocka_unit_test(test_end_of_work),
        cmocka_unit_test(test_one_node_of_two),
        cmocka_unit_test(test_few_pieces),
        cmocka_unit_test(test_held_by_us),
        cmocka_unit_test(test_held_is_no_collapse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
