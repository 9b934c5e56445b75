/* sim_spread.c -- how close the planner of what nodes pass on comes to what their links
 * allow, and whether every node gets everything whatever goes wrong. Nothing depends on
 * how fast the machine is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/text.h"
#include "sim_fabric.h"

enum { MIB = 1 << 20, SEEDS = 300 };

static const struct sim_link usual = { .wan = 25e6, .in = 250e6, .out = 250e6 };
static const struct sim_link slow_fabric = { .wan = 25e6, .in = 25e6, .out = 25e6 };
static const struct sim_link slow_alone = { .wan = 0, .in = 25e6, .out = 25e6 };
static const struct sim_link slow_source = { .wan = 2.5e6, .in = 250e6, .out = 250e6 };
static const struct sim_link no_source = { .wan = 0, .in = 250e6, .out = 250e6 };
static const struct sim_link fast_source = { .wan = 250e6, .in = 250e6, .out = 250e6 };

static const struct spread_policy policy = { .window = SPREAD_WINDOW,
                                             .run = SPREAD_RUN_BYTES };

/* `others`: links of the last so many nodes. */
static struct sim_fabric_result run_as(bool greedy, int nodes, struct sim_link all,
                                       int others, struct sim_link link)
{
    const struct sim_fabric_config config = {
        .seed = 1,
        .nodes = nodes,
        .segments = nodes > 128 || others == nodes - 1 ? 2048 : 512,
        .lease = 1,
        .latency = 0.002,
        .greedy = greedy,
        .policy = policy,
    };
    struct sim_fabric *sim = sim_fabric_create(&config, all);
    struct sim_fabric_result result;

    for (int i = 1; i <= others; i++)
        sim_fabric_link(sim, nodes - i, link);
    result = sim_fabric_run(sim);
    sim_fabric_destroy(sim);
    assert_int_equal(result.twice, 0);
    assert_int_equal(result.transfers + result.fetched,
                     (uint64_t)nodes * config.segments);
    return result;
}

static struct sim_fabric_result run(int nodes, struct sim_link all, int others,
                                    struct sim_link link)
{
    return run_as(false, nodes, all, others, link);
}

/* As long as the bound, and 15 % of it. */
static void expect_close(struct sim_fabric_result result, int nodes, const char *what)
{
    if (result.took > 1.15 * result.bound)
        fail_msg("%d nodes, %s: %.3f s, at best %.3f s", nodes, what, result.took,
                 result.bound);
}

static const int sizes[] = { 2, 3, 4, 8, 16, 64, 256, 1024 };

static void test_equal_links(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(sizes); i++)
        if (sizes[i] <= 256)
            expect_close(run(sizes[i], usual, 0, usual), sizes[i], "equal links");
    for (size_t i = 0; i < countof(sizes); i++)
        if (sizes[i] <= 64)
            expect_close(run(sizes[i], fast_source, 0, usual), sizes[i], "fast source");
}

/* 2 MiB are the share of each. */
static void test_a_thousand_nodes(void **state)
{
    struct sim_fabric_result result;

    (void)state;
    result = run(1024, usual, 0, usual);
    assert_true(result.took < 1.3 * result.bound);
    assert_true(result.deepest <= 8);
}

static void test_one_slow_in_the_fabric(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(sizes); i++)
        if (sizes[i] <= 256)
            expect_close(run(sizes[i], usual, 1, slow_fabric), sizes[i], "slow fabric");
}

/* It fetches more, and the others less. */
static void test_who_lags_fetches_more(void **state)
{
    (void)state;
    for (size_t i = 1; i < countof(sizes) && sizes[i] <= 8; i++) {
        struct sim_fabric_result result = run(sizes[i], usual, 1, slow_fabric);

        if (result.took > 1.2 * result.ideal)
            fail_msg("%d nodes: %.3f s, at best %.3f s", sizes[i], result.took,
                     result.ideal);
    }
}

static void test_nobody_waits_where_none_lags(void **state)
{
    const struct {
        struct sim_link all, last;
    } rows[] = {
        { usual, usual },
        { usual, slow_source },
        { usual, no_source },
        { fast_source, fast_source },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        for (size_t k = 0; k < countof(sizes) && sizes[k] <= 16; k++) {
            double took = run(sizes[k], rows[i].all, 1, rows[i].last).took;
            double greedy = run_as(true, sizes[k], rows[i].all, 1, rows[i].last).took;

            if (took > 1.01 * greedy)
                fail_msg("%d nodes, row %zu: %.3f s instead of %.3f s", sizes[k], i, took,
                         greedy);
        }
}

/* While the slow one gets what it cannot fetch, at its speed, the others are done. */
static void test_nobody_waits_for_the_slow(void **state)
{
    (void)state;
    for (size_t i = 2; i < countof(sizes) && sizes[i] <= 64; i++) {
        struct sim_fabric_result with = run(sizes[i], fast_source, 1, slow_alone);
        struct sim_fabric_result without = run(sizes[i], fast_source, 0, usual);

        assert_true(with.others < 2.4 * without.took);
    }
}

static void test_one_slow_at_the_source(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(sizes); i++)
        if (sizes[i] <= 256)
            expect_close(run(sizes[i], usual, 1, slow_source), sizes[i], "slow source");
}

static void test_without_the_source(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(sizes); i++)
        if (sizes[i] <= 256)
            expect_close(run(sizes[i], usual, 1, no_source), sizes[i], "one without");
    expect_close(run(8, usual, 7, no_source), 8, "all but one without");
    expect_close(run(64, usual, 63, no_source), 64, "all but one without");
}

/* All comes from one node, whose link out carries it once: others multiply it. */
static void test_one_node_has_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(sizes); i++)
        if (sizes[i] > 2 && sizes[i] <= 64)
            expect_close(run(sizes[i], fast_source, sizes[i] - 1, no_source), sizes[i],
                         "one with all");
}

/* Transfers that fail, segments that rot, nodes that fail, files that nodes do not want,
 * small windows: in the end all have all. */
static void test_whatever_goes_wrong(void **state)
{
    uint64_t twice = 0, transfers = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const struct sim_fabric_config config = {
            .seed = seed,
            .nodes = 1 + (int)(seed * 7 % 23),
            .segments = 20 + (uint32_t)(seed % 50),
            .small = seed % 3 ? 0 : 100,
            .lease = 1 + (uint32_t)(seed % 5),
            .latency = seed % 4 ? 0.002 : 0.1,
            .policy = { .window = (1 + seed % 9) * MIB, .run = (1 + seed % 5) * MIB },
            .corrupt = seed % 2 ? 0 : 0.1,
            .rot = seed % 3 ? 0 : 0.01,
            .drops = (int)(seed % 4),
            .skip = seed % 5 ? 0 : 0.3,
        };
        struct sim_fabric *sim = sim_fabric_create(&config, usual);
        struct sim_fabric_result result = sim_fabric_run(sim);

        twice += result.twice;
        transfers += result.transfers;
        sim_fabric_destroy(sim);
    }
    assert_true(twice < transfers / 50); /* only what was under way as a node failed */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_links),
        cmocka_unit_test(test_a_thousand_nodes),
        cmocka_unit_test(test_one_slow_in_the_fabric),
        cmocka_unit_test(test_who_lags_fetches_more),
        cmocka_unit_test(test_nobody_waits_where_none_lags),
        cmocka_unit_test(test_nobody_waits_for_the_slow),
        cmocka_unit_test(test_one_slow_at_the_source),
        cmocka_unit_test(test_without_the_source),
        cmocka_unit_test(test_one_node_has_all),
        cmocka_unit_test(test_whatever_goes_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
