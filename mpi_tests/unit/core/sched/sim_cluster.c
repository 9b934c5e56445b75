/* sim_cluster.c -- scheduler, relay, retry and rate against up to 1,024 virtual ranks, by
 * an invented clock. Nothing depends on how fast the machine is: a seed always runs
 * alike. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/text.h"
#include "sim_boss.h"

enum { SEEDS = 4000, END_SEEDS = 3 };

static struct {
    struct sim_count count;
    unsigned runs;
    uint64_t seed;               /* of the run that failed, if one did */
    double even, slow, thousand; /* the longest, over the ideal */
} total;

static double run(struct sim_boss *boss, const struct sim_config *config)
{
    double took;

    total.seed = config->seed;
    took = sim_boss_run(boss);
    total.runs++;
    total.count.steps += boss->count.steps;
    total.count.grants += boss->count.grants;
    total.count.cuts += boss->count.cuts;
    total.count.restarts += boss->count.restarts;
    total.count.merged += boss->count.merged;
    return took;
}

/* A cluster as nobody would want it: all kinds of jobs, links and faults. */
static struct sim_config any_config(uint64_t seed)
{
    struct sim_world dice = { .seed = seed };

    return (struct sim_config){
        .seed = seed,
        .nranks = 1 + (int)(sim_random(&dice) % (seed % 4 ? 6 : 40)),
        .large = (unsigned)(sim_random(&dice) % 8),
        .most_segments = 1 + (unsigned)(sim_random(&dice) % 20),
        .whole = 0.1,
        .small = (unsigned)(sim_random(&dice) % 200),
        .had = seed % 8 ? 0 : sim_chance(&dice),
        .slots = 1 + (unsigned)(sim_random(&dice) % 5),
        .ahead = (unsigned)(sim_random(&dice) % 4),
        .per_second = 5e6 * (1 + 20 * sim_chance(&dice)),
        .uneven = 1 + 20 * sim_chance(&dice) * sim_chance(&dice),
        .latency = seed % 3 ? 0.001 : 0.2 * sim_chance(&dice),
        .limit = seed % 5 ? 0 : 2e7,
        .faults = { .fail = seed % 2 ? 0 : 0.2 * sim_chance(&dice),
                    .corrupt = seed % 7 ? 0 : 0.02,
                    .stick = seed % 3 ? 0 : 0.1 * sim_chance(&dice),
                    .freeze = seed % 6 ? 0 : 0.01,
                    .refuse = seed % 10 ? 0 : 0.3 },
    };
}

static void test_many_seeds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim_config config = any_config(seed);
        struct sim_boss boss;

        sim_boss_init(&boss, &config);
        run(&boss, &config);
        sim_boss_release(&boss);
    }
    assert_true(total.count.merged > 100);
}

static struct sim_config steady(int nranks, unsigned large, unsigned most, unsigned small)
{
    return (struct sim_config){ .seed = (uint64_t)nranks,
                                .nranks = nranks,
                                .large = large,
                                .most_segments = most,
                                .small = small,
                                .slots = 4,
                                .ahead = 4,
                                .per_second = 1e8,
                                .uneven = 1,
                                .latency = 0.001 };
}

/* How much longer a run takes than its bytes and requests over the sum of all links, of
 * which the last has `slow` of its speed; and how many bytes it fetches for each one. */
static double stretch(const struct sim_config *config, double slow, double *waste)
{
    struct sim_boss boss;
    double took, bytes, rates = 0;

    sim_boss_init(&boss, config);
    boss.world.rank[config->nranks - 1].per_second *= slow;
    for (int i = 0; i < config->nranks; i++)
        rates += boss.world.rank[i].per_second;
    took = run(&boss, config);
    bytes = (double)boss.plan.nbytes + (double)boss.world.begun * SIM_REQUEST;
    took /= bytes / rates;
    *waste = (double)boss.world.fetched / (double)boss.plan.nbytes;
    sim_boss_release(&boss);
    return took;
}

/* About 512 MiB a rank in large files; or small files. */
static const struct {
    int nranks;
    unsigned large, most, small;
} shapes[] = {
    { 4, 1, 500, 0 },   { 8, 16, 64, 0 },     { 16, 4, 512, 2000 },
    { 64, 256, 32, 0 }, { 128, 0, 0, 60000 },
};

static void test_even_links(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(shapes); i++) {
        struct sim_config config =
            steady(shapes[i].nranks, shapes[i].large, shapes[i].most, shapes[i].small);
        double waste, took = stretch(&config, 1, &waste);

        assert_true(took < 1.05);
        assert_true(waste < 1.001); /* among equals nothing is fetched twice */
        total.even = fmax(total.even, took);
    }
}

static void test_slow_rank(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(shapes); i++) {
        struct sim_config config =
            steady(shapes[i].nranks, shapes[i].large, shapes[i].most, shapes[i].small);
        double waste, took = stretch(&config, 0.1, &waste);

        assert_true(took < 1.10);
        assert_true(waste < 1.02);
        total.slow = fmax(total.slow, took);
    }
}

static void test_thousand_ranks(void **state)
{
    struct sim_config config = steady(1024, 512, 128, 20000);
    double waste;

    (void)state;
    config.uneven = 3;
    total.thousand = stretch(&config, 0.1, &waste);
    assert_true(total.thousand < 1.20);
    assert_true(waste < 1.02);
    config.faults = (struct sim_faults){ 0.05, 0.001, 0.01, 0.0005, 0 };
    config.uneven = 20;
    stretch(&config, 0.1, &waste);
    assert_true(waste < 1.20);
}

/* Hosts with eight connections each over a link of 25 MB/s. How much longer it takes than
 * the bytes and requests over the sum of the links, or of the connections where those are
 * less, and how many bytes are fetched twice. */
static const struct end {
    const char *what;
    double longer, waste;
    int nranks;
    unsigned files;
    uint64_t mib;
    double slow;        /* of the last link */
    double first, each; /* bytes a second of one connection, of each; 0: any */
    double uneven;      /* connections of a host */
} ends[] = {
    { "2 hosts, 192 MiB", 1 / 0.90, 0.03, 2, 1, 192, 1, 0, 0, 1 },
    { "4 hosts, 192 MiB", 1 / 0.90, 0.03, 4, 1, 192, 1, 0, 0, 1 },
    { "8 hosts, 192 MiB", 1 / 0.90, 0.03, 8, 1, 192, 1, 0, 0, 1 },
    { "2 hosts", 1 / 0.97, 0.01, 2, 1, 768, 1, 0, 0, 1 },
    { "4 hosts", 1 / 0.97, 0.01, 4, 1, 768, 1, 0, 0, 1 },
    { "8 hosts", 1 / 0.95, 0.01, 8, 1, 768, 1, 0, 0, 1 },
    { "2 hosts, uneven, 192 MiB", 1 / 0.90, 0.03, 2, 4, 192, 1, 0, 0, 4 },
    { "4 hosts, uneven, 192 MiB", 1 / 0.90, 0.03, 4, 4, 192, 1, 0, 0, 4 },
    { "8 hosts, uneven, 192 MiB", 1 / 0.90, 0.03, 8, 4, 192, 1, 0, 0, 4 },
    { "8 hosts, very uneven, 192 MiB", 1 / 0.90, 0.03, 8, 4, 192, 1, 0, 0, 10 },
    { "8 hosts, uneven", 1 / 0.95, 0.01, 8, 4, 768, 1, 0, 0, 4 },
    { "8 hosts, connections of 2 MB/s, 192 MiB", 1 / 0.90, 0.03, 8, 4, 192, 1, 0, 2e6,
      1 },
    { "8 hosts, connections of 2 MB/s", 1 / 0.95, 0.01, 8, 4, 768, 1, 0, 2e6, 1 },
    { "one of 4 at a tenth, 192 MiB", 1.10, 0.05, 4, 1, 192, 0.1, 0, 0, 1 },
    { "one of 4 at a tenth, uneven, 192 MiB", 1.10, 0.05, 4, 4, 192, 0.1, 0, 0, 4 },
    { "one of 4 at a tenth", 1.05, 0.01, 4, 1, 768, 0.1, 0, 0, 1 },
    { "one of 4 at a tenth, uneven", 1.05, 0.01, 4, 4, 768, 0.1, 0, 0, 4 },
    { "one of 2 at a tenth", 1.05, 0.01, 2, 1, 768, 0.1, 0, 0, 1 },
    { "one of 8 at a tenth", 1.05, 0.01, 8, 1, 768, 0.1, 0, 0, 1 },
    { "one connection at a tenth, 192 MiB", 1.10, 0.03, 4, 1, 192, 1, 312500, 0, 1 },
    { "one connection at a tenth", 1.05, 0.01, 4, 1, 768, 1, 312500, 0, 1 },
    { "one connection that hardly moves", 1.05, 0.01, 4, 1, 768, 1, 1, 0, 1 },
};

static double link_of(const struct end *end, double share)
{
    const double link = 25e6 * share;

    return end->each > 0 ? fmin(link, 8 * end->each) : link;
}

static void run_end(const struct end *end, uint64_t seed)
{
    struct sim_config config = {
        .seed = seed,
        .nranks = end->nranks,
        .large = end->files,
        .most_segments = 1,
        .exactly = end->mib * MIB / end->files,
        .slots = 8,
        .ahead = 2,
        .per_second = 25e6,
        .uneven = 1,
        .connections = end->uneven,
        .latency = 0.005,
    };
    double took, bytes, waste;
    struct sim_boss boss;

    sim_boss_init(&boss, &config);
    boss.world.rank[config.nranks - 1].per_second *= end->slow;
    boss.world.rank[0].first = end->first;
    for (int i = 0; i < config.nranks; i++)
        boss.world.rank[i].each = end->each;
    took = run(&boss, &config);
    bytes = (double)boss.plan.nbytes + (double)boss.world.begun * SIM_REQUEST;
    took /= bytes / ((config.nranks - 1) * link_of(end, 1) + link_of(end, end->slow));
    waste = (double)boss.world.fetched / (double)boss.plan.nbytes - 1;
    if (took > end->longer || waste > end->waste)
        fail_msg("%s: %.3f times as long as the links, %.4f twice", end->what, took,
                 waste);
    sim_boss_release(&boss);
}

static void test_all_end_together(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(ends); i++)
        for (uint64_t seed = 1; seed <= END_SEEDS; seed++)
            run_end(&ends[i], seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_end_together), cmocka_unit_test(test_even_links),
        cmocka_unit_test(test_slow_rank),        cmocka_unit_test(test_thousand_ranks),
        cmocka_unit_test(test_many_seeds),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    print_message(
        "%u runs (the last with seed %llu), %u events, %u grants, %u cuts, "
        "%u segments sent for again, %u files merged\n"
        "longest over the ideal: even links %.3f, one slow %.3f, 1,024 ranks %.3f\n",
        total.runs, (unsigned long long)total.seed, total.count.steps, total.count.grants,
        total.count.cuts, total.count.restarts, total.count.merged, total.even,
        total.slow, total.thousand);
    return failed;
}
