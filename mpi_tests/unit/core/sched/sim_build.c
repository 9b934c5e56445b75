/* sim_build.c -- a virtual cluster from its description, and its end. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim_boss.h"

static void build_plan(struct sim_boss *boss, const struct sim_config *config)
{
    size_t n = config->large + config->small;
    uint32_t together;

    boss->plan.files = calloc(n + 1, sizeof(*boss->plan.files));
    assert_non_null(boss->plan.files);
    boss->plan.nfiles = n;
    for (size_t i = 0; i < n; i++) {
        uint64_t most = (uint64_t)config->most_segments * SEGMENT_WHOLE;
        bool large = i < config->large;

        boss->plan.files[i].size = sim_random(&boss->world) % (large ? most : MIB) + 1;
        if (large && sim_chance(&boss->world) < config->whole)
            boss->plan.files[i].flags = PLAN_WHOLE;
        if (config->exactly > 0)
            boss->plan.files[i].size = config->exactly;
        boss->plan.nbytes += boss->plan.files[i].size;
    }
    together =
        segment_together(MIB, boss->plan.nbytes, config->slots * (uint32_t)config->nranks,
                         (uint32_t)config->nranks);
    assert_int_equal(segments_cut_finely(&boss->segments, &boss->plan, MIB, SEGMENT_WHOLE,
                                         together, NULL),
                     0);
}

static void build_ranks(struct sim_boss *boss, const struct sim_config *config)
{
    struct sim_world *world = &boss->world;
    double limit = config->limit / config->nranks;

    world->rank = calloc((size_t)config->nranks, sizeof(*world->rank));
    assert_non_null(world->rank);
    for (int i = 0; i < config->nranks; i++) {
        double slower = 1 + (config->uneven - 1) * sim_chance(world);

        world->rank[i] = (struct sim_rank){ .per_second = config->per_second / slower,
                                            .slots = config->slots,
                                            .ahead = config->ahead,
                                            .uneven = fmax(1, config->connections),
                                            .reported = -INFINITY };
        rate_init(&world->rank[i].rate, limit, limit / 4, 0);
    }
}

/* What a former run stored, on ranks that it happened to have. */
static void resume(struct sim_boss *boss, double chance)
{
    struct sim_world *world = &boss->world;

    for (uint32_t i = 0; i < boss->segments.count; i++) {
        if (sim_chance(world) >= chance)
            continue;
        world->token[i] = sim_good(i);
        world->owner[i] = (int)(sim_random(world) % (uint64_t)world->nranks);
        boss->stored[i] = 1;
        boss->nstored++;
        sched_have(boss->sched, i);
        relay_stored(boss->relay, i, world->owner[i]);
    }
}

void sim_boss_init(struct sim_boss *boss, const struct sim_config *config)
{
    const struct sched_policy policy = { .slots =
                                             config->slots * (uint32_t)config->nranks,
                                         .stall = 10,
                                         .small = MIB,
                                         .batch_bytes = 4 * MIB };
    size_t n;

    *boss = (struct sim_boss){ .world = { .seed = config->seed,
                                          .nranks = config->nranks,
                                          .latency = config->latency,
                                          .faults = config->faults,
                                          .segments = &boss->segments } };
    build_plan(boss, config);
    build_ranks(boss, config);
    n = boss->segments.count + 1;
    boss->world.writer = malloc(n * sizeof(int));
    boss->world.owner = malloc(n * sizeof(int));
    boss->world.token = calloc(n, sizeof(uint64_t));
    boss->lease = calloc(n, sizeof(uint32_t));
    boss->attempt = calloc(n, sizeof(unsigned));
    boss->stored = calloc(n, sizeof(uint8_t));
    boss->chain = calloc(boss->plan.nfiles + 1, sizeof(*boss->chain));
    for (uint32_t i = 0; i < n; i++)
        boss->world.writer[i] = boss->world.owner[i] = SIM_NOBODY;
    for (uint32_t f = 0; f < boss->plan.nfiles; f++)
        boss->chain[f] = (struct sim_chain){ .next = boss->segments.first[f],
                                             .state = midstate_start() };
    assert_int_equal(
        sched_create(&boss->sched, &boss->segments, config->nranks, &policy, NULL), 0);
    assert_int_equal(relay_create(&boss->relay, &boss->segments, NULL), 0);
    resume(boss, config->had);
    for (int i = 0; i < config->nranks; i++)
        sim_rank_start(&boss->world, i);
}

void sim_boss_release(struct sim_boss *boss)
{
    struct sim_event event;

    while (sim_pop(&boss->world, &event))
        free(event.action);
    for (int i = 0; i < boss->world.nranks; i++)
        free(boss->world.rank[i].item);
    free(boss->world.rank);
    free(boss->world.heap);
    free(boss->world.writer);
    free(boss->world.owner);
    free(boss->world.token);
    free(boss->lease);
    free(boss->attempt);
    free(boss->stored);
    free(boss->chain);
    free(boss->plan.files);
    segments_release(&boss->segments);
    sched_destroy(boss->sched);
    relay_destroy(boss->relay);
    whole_release(&boss->whole);
}
