/* sim_cluster.c -- scheduler, relay, retry and rate against up to 1,024 virtual ranks.
 *
 * The coordinator below does what the real one does, with an invented clock, and checks
 * after each step what must hold whatever happens. */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/retry.h"
#include "sim_rank.h"

enum { NOBODY = -1, RUN = 4, MIB = 1 << 20 };

static const double patience = 60;

struct config {
    uint64_t seed;
    int nranks;
    unsigned large, most_segments; /* files of several segments, and how long they get */
    double whole;                  /* chance that such a file may not be cut */
    unsigned small;                /* files of at most 1 MiB */
    unsigned slots, ahead;
    double per_second, uneven; /* links: bytes a second, and how much slower they may be */
    double latency, limit;     /* limit: bytes a second of the whole job; 0: none */
    struct sim_faults faults;
};

/* The hash of one file as it should go. */
struct chain {
    uint32_t next, epoch;
    struct midstate state;
    bool done;
};

struct cluster {
    struct sim_world world;
    struct plan plan;
    struct segments segments;
    struct sched *sched;
    struct relay *relay;
    struct chain *chain;
    int *copier;       /* of each segment: the rank with a duplicate */
    unsigned *attempt; /* of each segment */
    uint8_t *stored;   /* verdicts SCHED_STORED, less restarts */
    uint32_t wake;     /* epoch of the wake-up that counts */
    uint32_t nstored;
    unsigned copies, copies_ever, alive, grants, strikes;
};

static struct totals {
    unsigned runs, steps, grants, copies, restarts, lost;
    double worst_even, worst_slow;
} total;

static void build_plan(struct cluster *c, const struct config *config)
{
    size_t n = config->large + config->small;

    c->plan.files = calloc(n + 1, sizeof(*c->plan.files));
    assert_non_null(c->plan.files);
    c->plan.nfiles = n;
    for (size_t i = 0; i < n; i++) {
        uint64_t most = (uint64_t)config->most_segments * SEGMENT_LEAST;
        bool large = i < config->large;

        c->plan.files[i].size = sim_random(&c->world) % (large ? most : MIB) + 1;
        if (large && sim_chance(&c->world) < config->whole)
            c->plan.files[i].flags = PLAN_WHOLE;
        c->plan.nbytes += c->plan.files[i].size;
    }
    assert_int_equal(segments_cut(&c->segments, &c->plan, SEGMENT_LEAST, NULL), 0);
}

static void build_ranks(struct cluster *c, const struct config *config)
{
    struct sim_world *world = &c->world;
    double limit = config->limit / config->nranks;

    world->rank = calloc((size_t)config->nranks, sizeof(*world->rank));
    assert_non_null(world->rank);
    for (int i = 0; i < config->nranks; i++) {
        double slower = 1 + (config->uneven - 1) * sim_chance(world);

        world->rank[i] = (struct sim_rank){ .per_second = config->per_second / slower,
                                            .slots = config->slots,
                                            .ahead = config->ahead,
                                            .reported = -INFINITY };
        rate_init(&world->rank[i].rate, limit, limit / 4, 0);
    }
    c->alive = (unsigned)config->nranks;
}

static void cluster_init(struct cluster *c, const struct config *config)
{
    const struct sched_policy policy = { .stall = 10,
                                         .small = MIB,
                                         .batch_bytes = 4 * MIB };
    size_t n;

    *c = (struct cluster){ .world = { .seed = config->seed,
                                      .nranks = config->nranks,
                                      .latency = config->latency,
                                      .faults = config->faults,
                                      .segments = &c->segments } };
    build_plan(c, config);
    build_ranks(c, config);
    n = c->segments.count + 1;
    c->world.writer = malloc(n * sizeof(int));
    c->world.owner = malloc(n * sizeof(int));
    c->world.token = calloc(n, sizeof(uint64_t));
    c->copier = malloc(n * sizeof(int));
    c->attempt = calloc(n, sizeof(unsigned));
    c->stored = calloc(n, sizeof(uint8_t));
    c->chain = calloc(c->plan.nfiles + 1, sizeof(*c->chain));
    for (uint32_t i = 0; i < n; i++)
        c->world.writer[i] = c->world.owner[i] = c->copier[i] = NOBODY;
    for (uint32_t f = 0; f < c->plan.nfiles; f++)
        c->chain[f] = (struct chain){ .next = c->segments.first[f],
                                      .state = midstate_start() };
    assert_int_equal(
        sched_create(&c->sched, &c->segments, config->nranks, &policy, NULL), 0);
    assert_int_equal(relay_create(&c->relay, &c->segments, NULL), 0);
    for (int i = 0; i < config->nranks; i++)
        sim_rank_start(&c->world, i);
}

static void cluster_release(struct cluster *c)
{
    struct sim_event event;

    while (sim_pop(&c->world, &event))
        free(event.action);
    for (int i = 0; i < c->world.nranks; i++)
        free(c->world.rank[i].item);
    free(c->world.rank);
    free(c->world.heap);
    free(c->world.writer);
    free(c->world.owner);
    free(c->world.token);
    free(c->copier);
    free(c->attempt);
    free(c->stored);
    free(c->chain);
    free(c->plan.files);
    segments_release(&c->segments);
    sched_destroy(c->sched);
    relay_destroy(c->relay);
}

/* Two ranks never write one place, a segment has one duplicate, and all of them are few. */
static void check_action(struct cluster *c, const struct sched_action *action)
{
    assert_in_range(action->count, 1, SCHED_BATCH);
    assert_false(c->world.rank[action->rank].retired);
    for (uint32_t i = 0; i < action->count; i++) {
        uint32_t segment = action->segment[i];

        /* All that is left to do about a stored segment is to stop its duplicate. */
        if (c->stored[segment])
            assert_true(action->kind == SCHED_CANCEL && c->copier[segment] == action->rank);
        if (action->kind == SCHED_GRANT || action->kind == SCHED_ADOPT) {
            assert_int_equal(c->world.writer[segment], NOBODY);
            c->world.writer[segment] = action->rank;
        }
    }
    if (action->kind == SCHED_GRANT)
        c->grants++;
    if (action->kind == SCHED_DUPLICATE) {
        assert_int_equal(c->copier[action->segment[0]], NOBODY);
        assert_int_not_equal(c->world.writer[action->segment[0]], action->rank);
        c->copier[action->segment[0]] = action->rank;
        c->copies_ever++;
        assert_in_range(++c->copies, 1, c->world.nranks);
    }
}

static void copy_ends(struct cluster *c, uint32_t segment)
{
    c->copier[segment] = NOBODY;
    c->copies--;
}

static void act(struct cluster *c)
{
    struct sched_action action;

    while (sched_next(c->sched, c->world.now, &action)) {
        struct sched_action *sent = malloc(sizeof(*sent));

        assert_non_null(sent);
        *sent = action;
        if (action.kind == SCHED_ADOPT) {
            assert_int_equal(c->copier[action.segment[0]], action.rank);
            copy_ends(c, action.segment[0]);
        }
        check_action(c, &action);
        sim_send(&c->world, (struct sim_event){ .kind = SIM_ACTION,
                                                .rank = action.rank,
                                                .action = sent });
    }
}

static void hash(struct cluster *c)
{
    struct relay_job job;

    while (relay_next(c->relay, RUN, &job)) {
        struct chain *chain = &c->chain[c->segments.file[job.segment]];

        assert_int_equal(job.segment, chain->next);
        assert_in_range(job.count, 1, RUN);
        assert_memory_equal(&job.from, &chain->state, sizeof(job.from));
        for (uint32_t i = job.segment; i < job.segment + job.count; i++) {
            assert_int_equal(c->stored[i], 1);
            assert_int_equal(c->world.owner[i], job.rank);
        }
        sim_send(&c->world, (struct sim_event){ .kind = SIM_HASH,
                                                .rank = job.rank,
                                                .segment = job.segment,
                                                .count = job.count,
                                                .epoch = chain->epoch,
                                                .state = job.from });
    }
}

static void again(struct cluster *c, uint32_t segment)
{
    int owner = c->world.owner[segment];

    assert_int_equal(c->stored[segment], 1);
    c->stored[segment] = 0;
    c->nstored--;
    total.restarts++;
    sched_restart(c->sched, segment, owner);
}

static void chain_restart(struct cluster *c, uint32_t file)
{
    struct chain *chain = &c->chain[file];

    *chain = (struct chain){ .next = c->segments.first[file],
                             .epoch = chain->epoch + 1,
                             .state = midstate_start() };
    relay_restart(c->relay, file);
}

static void file_hashed(struct cluster *c, uint32_t file)
{
    uint32_t first = c->segments.first[file], end = c->segments.first[file + 1];
    struct midstate want = midstate_start();

    for (uint32_t i = first; i < end; i++)
        want = sim_hash(want, sim_good(i), segment_bytes(&c->segments, i));
    c->chain[file].done = true;
    if (want.h[0] == c->chain[file].state.h[0] && want.h[1] == c->chain[file].state.h[1])
        return;
    chain_restart(c, file);
    for (uint32_t i = first; i < end; i++)
        again(c, i);
}

static void hashed(struct cluster *c, const struct sim_event *event)
{
    uint32_t file = c->segments.file[event->segment];
    struct chain *chain = &c->chain[file];
    bool stale = event->epoch != chain->epoch;
    enum relay_state state = relay_advance(c->relay, event->segment, &event->state);

    if (stale) {
        assert_int_equal(state, RELAY_MORE);
        return;
    }
    assert_int_equal(chain->next, event->segment);
    chain->next += event->count;
    chain->state = event->state;
    assert_int_equal(state == RELAY_DONE, chain->next == c->segments.first[file + 1]);
    if (state == RELAY_DONE)
        file_hashed(c, file);
}

static void stored(struct cluster *c, const struct sim_event *event)
{
    uint32_t segment = event->segment, file = c->segments.file[segment];

    assert_int_equal(c->world.writer[segment], event->rank);
    assert_int_equal(c->world.owner[segment], event->rank);
    assert_int_equal(c->stored[segment], 0);
    c->world.writer[segment] = NOBODY;
    c->stored[segment] = 1;
    c->nstored++;
    if (segments_of(&c->segments, file) > 1)
        relay_stored(c->relay, segment, event->rank);
    else if (c->world.token[segment] != sim_good(segment))
        again(c, segment);
}

static void ended(struct cluster *c, const struct sim_event *event)
{
    if (c->copier[event->segment] == event->rank)
        copy_ends(c, event->segment);
    else if (c->world.writer[event->segment] == event->rank)
        c->world.writer[event->segment] = NOBODY;
}

static void done(struct cluster *c, const struct sim_event *event)
{
    bool copy = c->copier[event->segment] == event->rank;

    switch (sched_done(c->sched, event->rank, event->segment, c->world.now)) {
    case SCHED_STORED:
        assert_false(copy);
        stored(c, event);
        break;
    case SCHED_WAIT:
        assert_true(copy);
        assert_int_equal(c->stored[event->segment], 0);
        break;
    case SCHED_LATE:
        /* The first was stored; since then it may have been sent for once more. */
        assert_true(copy);
        assert_int_equal(c->world.writer[event->segment], NOBODY);
        break;
    }
}

static void failed(struct cluster *c, const struct sim_event *event)
{
    static const struct outcome outcomes[] = {
        { .status = 503, .retry_after = 2, .reset = -1 },
        { .status = 429, .retry_after = -1, .reset = 3 },
        { .status = 206, .fault = NET_CUT, .retry_after = -1, .reset = -1 },
        { .fault = NET_CONNECT, .retry_after = -1, .reset = -1 },
    };
    const struct retry_policy policy = { 0.5, 30, 8 };
    struct outcome outcome = outcomes[sim_random(&c->world) % 4];
    unsigned *attempt = &c->attempt[event->segment];
    struct retry_decision decision;

    *attempt = event->bytes ? 1 : *attempt < 5 ? *attempt + 1 : 5;
    outcome.progressed = event->bytes;
    decision = retry_decide(&policy, &outcome, *attempt, sim_chance(&c->world));
    assert_int_not_equal(decision.remedy, REMEDY_GIVE_UP);
    if (decision.remedy == REMEDY_SLOW_DOWN)
        sched_hold(c->sched, c->world.now + decision.delay);
    ended(c, event);
    sched_failed(c->sched, event->rank, event->segment, c->world.now + decision.delay);
}

static void reported(struct cluster *c, const struct sim_event *event)
{
    if (c->world.rank[event->rank].retired) {
        if (event->report == SIM_DONE)
            assert_int_equal(
                sched_done(c->sched, event->rank, event->segment, c->world.now),
                SCHED_LATE);
        return;
    }
    switch (event->report) {
    case SIM_CREDIT:
        sched_credit(c->sched, event->rank, (uint32_t)event->bytes);
        break;
    case SIM_PROGRESS:
        sched_progress(c->sched, event->rank, event->segment, event->bytes, c->world.now);
        break;
    case SIM_DONE:
        done(c, event);
        break;
    case SIM_FAILED:
        failed(c, event);
        break;
    case SIM_DROPPED:
        ended(c, event);
        sched_cancelled(c->sched, event->rank, event->segment);
        break;
    case SIM_HASHED:
        hashed(c, event);
        break;
    }
}

/* The rank is given up, and what it stored of files that are not verified is gone. */
static void retire(struct cluster *c, int rank)
{
    uint32_t n = c->segments.count;

    if (c->world.rank[rank].retired || c->alive == 1)
        return;
    c->world.rank[rank].retired = true;
    c->alive--;
    total.lost++;
    sched_retire(c->sched, rank);
    relay_lost(c->relay, rank);
    for (uint32_t i = 0; i < n; i++) {
        if (c->copier[i] == rank)
            copy_ends(c, i);
        if (c->world.writer[i] == rank)
            c->world.writer[i] = NOBODY;
    }
    for (uint32_t f = 0; f < c->plan.nfiles; f++) {
        bool touched = false;

        if (c->chain[f].done)
            continue;
        for (uint32_t i = c->segments.first[f]; i < c->segments.first[f + 1]; i++)
            touched |= c->stored[i] && c->world.owner[i] == rank;
        if (!touched)
            continue;
        chain_restart(c, f);
        for (uint32_t i = c->segments.first[f]; i < c->segments.first[f + 1]; i++)
            if (c->stored[i] && c->world.owner[i] == rank)
                again(c, i);
            else if (c->stored[i])
                relay_stored(c->relay, i, c->world.owner[i]);
    }
}

/* What is dead or frozen for long is noticed by its silence. */
static void strike(struct cluster *c, double chance)
{
    struct sim_world *world = &c->world;
    int rank = (int)(sim_random(world) % (uint64_t)world->nranks);

    if (chance < world->faults.die && c->alive > 1 && !world->rank[rank].dead) {
        unsigned well = 0;

        for (int i = 0; i < world->nranks; i++)
            well += !world->rank[i].dead && !world->rank[i].retired;
        if (well < 2)
            return;
        world->rank[rank].dead = true;
        sim_push(world, (struct sim_event){ .at = world->now + patience,
                                            .kind = SIM_SILENT,
                                            .rank = rank });
    } else if (chance >= world->faults.die &&
               chance < world->faults.die + world->faults.freeze) {
        sim_push(world, (struct sim_event){ .at = world->now,
                                            .kind = SIM_FREEZE,
                                            .rank = rank,
                                            .seconds = 90 * sim_chance(world) });
        sim_push(world, (struct sim_event){ .at = world->now + patience,
                                            .kind = SIM_SILENT,
                                            .rank = rank });
    }
}

static void silent(struct cluster *c, const struct sim_event *event)
{
    const struct sim_rank *rank = &c->world.rank[event->rank];
    unsigned well = 0;

    for (int i = 0; i < c->world.nranks; i++)
        well += !c->world.rank[i].dead && !c->world.rank[i].retired;
    if (rank->dead || (rank->frozen_until > c->world.now && well > 1))
        retire(c, event->rank);
}

static void check(struct cluster *c)
{
    assert_int_equal(sched_stored(c->sched), c->nstored);
    assert_int_equal(sched_pending(c->sched) + sched_leased(c->sched) + c->nstored,
                     c->segments.count);
    assert_int_equal(sched_finished(c->sched), c->nstored == c->segments.count);
}

/* Sleep until something is due; whoever calls before that is told there is nothing. */
static void sleep_until_due(struct cluster *c)
{
    double now = c->world.now, due = sched_due(c->sched);
    struct sched_action action;

    assert_true(due > now);
    c->wake++;
    if (due >= INFINITY)
        return;
    if (sim_chance(&c->world) < 0.01) {
        assert_false(sched_next(c->sched, now + (due - now) * sim_chance(&c->world),
                                &action));
        assert_true(sched_due(c->sched) >= due);
    }
    sim_push(&c->world,
             (struct sim_event){ .at = due, .kind = SIM_WAKE, .epoch = c->wake });
}

static void step(struct cluster *c, struct sim_event *event)
{
    switch (event->kind) {
    case SIM_REPORT:
        reported(c, event);
        break;
    case SIM_SILENT:
        silent(c, event);
        break;
    case SIM_WAKE:
        if (event->epoch != c->wake)
            return;
        break;
    default:
        sim_rank_event(&c->world, event);
        return;
    }
    act(c);
    hash(c);
    check(c);
    sleep_until_due(c);
}

/* Run to the end. Returns the invented seconds until the last segment was stored. */
static double cluster_run(struct cluster *c)
{
    const struct sim_faults *faults = &c->world.faults;
    double stored_at = 0;
    struct sim_event event;
    unsigned steps = 0;

    act(c);
    while (!sched_finished(c->sched) || !relay_finished(c->relay)) {
        double chance = sim_chance(&c->world);

        /* Nothing left to happen before the end would be a deadlock. */
        if (!sim_pop(&c->world, &event))
            fail_msg("dead end: %u pending, %u leased, %u stored",
                     (unsigned)sched_pending(c->sched), (unsigned)sched_leased(c->sched),
                     (unsigned)c->nstored);
        step(c, &event);
        free(event.action);
        if (chance < faults->die + faults->freeze && c->strikes++ < 20)
            strike(c, chance);
        if (!sched_finished(c->sched))
            stored_at = c->world.now;
        assert_in_range(++steps, 1, 3000000);
        assert_true(c->world.now < 1e6);
    }
    for (uint32_t i = 0; i < c->segments.count; i++) {
        assert_int_equal(c->stored[i], 1);
        assert_int_equal(c->world.token[i], sim_good(i));
    }
    total.runs++;
    total.steps += steps;
    total.grants += c->grants;
    total.copies += c->copies_ever;
    return stored_at;
}

static void test_many_seeds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6000; seed++) {
        struct sim_world dice = { .seed = seed };
        struct config config = {
            .seed = seed * 7919,
            .nranks = 1 + (int)(sim_random(&dice) % (seed % 4 ? 6 : 40)),
            .large = (unsigned)(sim_random(&dice) % 8),
            .most_segments = 1 + (unsigned)(sim_random(&dice) % 20),
            .whole = 0.1,
            .small = (unsigned)(sim_random(&dice) % 200),
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
                        .die = seed % 11 ? 0 : 0.003 },
        };
        struct cluster c;

        cluster_init(&c, &config);
        cluster_run(&c);
        cluster_release(&c);
    }
}

/* How much longer a run takes than its bytes and requests over the sum of all links. */
static double stretch(const struct config *config, double slow, double *waste)
{
    struct cluster c;
    double took, ideal, rates = 0;

    cluster_init(&c, config);
    c.world.rank[config->nranks - 1].per_second *= slow;
    for (int i = 0; i < config->nranks; i++)
        rates += c.world.rank[i].per_second;
    ideal = ((double)c.plan.nbytes + (double)c.segments.count * SIM_REQUEST) / rates;
    took = cluster_run(&c);
    *waste = (double)c.world.fetched / (double)c.plan.nbytes;
    cluster_release(&c);
    return took / ideal;
}

static struct config steady(int nranks, unsigned large, unsigned most, unsigned small)
{
    return (struct config){ .seed = (uint64_t)nranks,
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

/* Sixteen turns for each slot, as segment_size gives: 64 segments a rank. */
static const struct {
    int nranks;
    unsigned large, most, small;
} shapes[] = {
    { 4, 1, 500, 0 }, { 8, 16, 64, 0 }, { 16, 4, 512, 2000 }, { 64, 256, 32, 0 },
    { 128, 0, 0, 60000 },
};

static void test_even_links(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
        struct config config = steady(shapes[i].nranks, shapes[i].large, shapes[i].most,
                                      shapes[i].small);
        double waste, took = stretch(&config, 1, &waste);

        print_message("even %d %.3f waste %.3f\n", shapes[i].nranks, took, waste);
        total.worst_even = fmax(total.worst_even, took);
    }
}

static void test_slow_rank(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
        struct config config = steady(shapes[i].nranks, shapes[i].large, shapes[i].most,
                                      shapes[i].small);
        double waste, took = stretch(&config, 0.1, &waste);

        print_message("slow %d %.3f waste %.3f\n", shapes[i].nranks, took, waste);
        total.worst_slow = fmax(total.worst_slow, took);
    }
}

static void test_thousand_ranks(void **state)
{
    struct config config = steady(1024, 512, 128, 20000);
    double waste, took;

    (void)state;
    config.uneven = 3;
    took = stretch(&config, 0.1, &waste);
    print_message("1024 %.3f waste %.3f\n", took, waste);
    config.faults = (struct sim_faults){ 0.05, 0.001, 0.01, 0.0005, 0.0001 };
    config.uneven = 20;
    took = stretch(&config, 0.1, &waste);
    print_message("1024 faults %.3f waste %.3f\n", took, waste);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_even_links),
        cmocka_unit_test(test_slow_rank),
        cmocka_unit_test(test_thousand_ranks),
        cmocka_unit_test(test_many_seeds),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);

    print_message("%u runs, %u events, %u grants, %u duplicates, %u segments fetched again, "
                  "%u ranks lost\n",
                  total.runs, total.steps, total.grants, total.copies, total.restarts,
                  total.lost);
    return rc;
}
