#include "sim_boss.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/sched/retry.h"

enum { RUN = 16 }; /* most segments of one hash job */

/* Two ranks never write one place. */
static void check_action(struct sim_boss *boss, const struct sched_action *action)
{
    assert_in_range(action->count, 1, SCHED_BATCH);
    boss->count.cuts += action->kind == SCHED_CUT;
    boss->count.grants += action->kind == SCHED_GRANT;
    if (action->kind != SCHED_GRANT)
        return;
    assert_true(action->count == 1 || action->together == 1);
    for (uint32_t i = 0; i < action->count; i++)
        for (uint32_t k = 0; k < action->together; k++) {
            uint32_t segment = action->segment[i] + k;

            assert_int_equal(boss->segments.file[segment],
                             boss->segments.file[action->segment[i]]);
            assert_int_equal(boss->stored[segment], 0);
            assert_int_equal(boss->world.writer[segment], SIM_NOBODY);
            boss->world.writer[segment] = action->rank;
        }
    for (uint32_t i = 0; i < action->count; i++)
        boss->lease[action->segment[i]] = action->together;
}

static void act(struct sim_boss *boss)
{
    struct sched_action action;

    while (sched_next(boss->sched, boss->world.now, &action)) {
        struct sched_action *sent = malloc(sizeof(*sent));

        assert_non_null(sent);
        *sent = action;
        check_action(boss, &action);
        sim_send(&boss->world, (struct sim_event){ .kind = SIM_ACTION,
                                                   .rank = action.rank,
                                                   .action = sent });
    }
}

static void hash(struct sim_boss *boss)
{
    struct relay_job job;

    while (relay_next(boss->relay, RUN, &job)) {
        struct sim_chain *chain = &boss->chain[boss->segments.file[job.segment]];

        assert_int_equal(job.segment, chain->next);
        assert_in_range(job.count, 1, RUN);
        assert_memory_equal(&job.from, &chain->state, sizeof(job.from));
        for (uint32_t i = job.segment; i < job.segment + job.count; i++) {
            assert_int_equal(boss->stored[i], 1);
            assert_int_equal(boss->world.owner[i], job.rank);
        }
        sim_send(&boss->world, (struct sim_event){ .kind = SIM_HASH,
                                                   .rank = job.rank,
                                                   .segment = job.segment,
                                                   .count = job.count,
                                                   .epoch = chain->epoch,
                                                   .state = job.from });
    }
}

static void again(struct sim_boss *boss, uint32_t segment, uint32_t count)
{
    int owner = boss->world.owner[segment];

    for (uint32_t i = segment; i < segment + count; i++) {
        assert_int_equal(boss->stored[i], 1);
        boss->stored[i] = 0;
    }
    boss->nstored -= count;
    boss->count.restarts += count;
    sched_restart(boss->sched, segment, count, owner);
}

static void chain_restart(struct sim_boss *boss, uint32_t file)
{
    struct sim_chain *chain = &boss->chain[file];

    *chain = (struct sim_chain){ .next = boss->segments.first[file],
                                 .epoch = chain->epoch + 1,
                                 .state = midstate_start() };
    relay_restart(boss->relay, file);
}

static void file_hashed(struct sim_boss *boss, uint32_t file)
{
    uint32_t first = boss->segments.first[file], end = boss->segments.first[file + 1];
    struct midstate want = midstate_start();

    for (uint32_t i = first; i < end; i++)
        want = sim_hash(want, sim_good(i), segment_bytes(&boss->segments, i));
    boss->chain[file].done = true;
    if (want.h[0] == boss->chain[file].state.h[0] &&
        want.h[1] == boss->chain[file].state.h[1])
        return;
    chain_restart(boss, file);
    again(boss, first, end - first);
}

static void hashed(struct sim_boss *boss, const struct sim_event *event)
{
    uint32_t file = boss->segments.file[event->segment];
    struct sim_chain *chain = &boss->chain[file];
    bool stale = event->epoch != chain->epoch;
    enum relay_state state = relay_advance(boss->relay, event->segment, &event->state);

    if (stale) {
        assert_int_equal(state, RELAY_MORE);
        return;
    }
    assert_int_equal(chain->next, event->segment);
    chain->next += event->count;
    chain->state = event->state;
    assert_int_equal(state == RELAY_DONE, chain->next == boss->segments.first[file + 1]);
    if (state == RELAY_DONE)
        file_hashed(boss, file);
}

static void stored(struct sim_boss *boss, int rank, uint32_t segment)
{
    assert_int_equal(boss->world.writer[segment], rank);
    assert_int_equal(boss->world.owner[segment], rank);
    assert_int_equal(boss->stored[segment], 0);
    boss->world.writer[segment] = SIM_NOBODY;
    boss->stored[segment] = 1;
    boss->nstored++;
    if (segments_of(&boss->segments, boss->segments.file[segment]) > 1)
        relay_stored(boss->relay, segment, rank);
    else if (boss->world.token[segment] != sim_good(segment))
        again(boss, segment, 1);
}

/* Of the lease that begins with the segment the rank writes no more but the first so
 * many. */
static void let_go(struct sim_boss *boss, int rank, uint32_t segment, uint32_t keep)
{
    uint32_t end = boss->segments.first[boss->segments.file[segment] + 1];
    uint32_t lease = boss->lease[segment];

    assert_true(lease > 0 && segment + lease <= end);
    for (uint32_t i = segment + keep; i < segment + lease; i++) {
        assert_int_equal(boss->world.writer[i], rank);
        boss->world.writer[i] = SIM_NOBODY;
    }
    boss->lease[segment] = keep;
}

static void done(struct sim_boss *boss, const struct sim_event *event)
{
    let_go(boss, event->rank, event->segment, event->count);
    assert_true(sched_done(boss->sched, event->rank, event->segment, event->count,
                           boss->world.now));
    for (uint32_t i = 0; i < event->count; i++)
        stored(boss, event->rank, event->segment + i);
}

/* The server turns out to cut no ranges. What a rank still hashes is of no use. */
static void refuse(struct sim_boss *boss, const struct sim_event *event)
{
    uint32_t file = boss->segments.file[event->segment];
    double chance = boss->world.faults.refuse;

    if (chance <= 0 || sim_chance(&boss->world) >= chance ||
        segments_of(&boss->segments, file) < 2 || whole_has(&boss->whole, file))
        return;
    assert_int_equal(whole_begin(&boss->whole, boss->sched, boss->relay, file, NULL), 0);
    boss->chain[file].epoch++;
}

/* All ranks have let go of it: its first segment is all of it. */
static void merge(struct sim_boss *boss)
{
    for (uint32_t file;
         whole_next(&boss->whole, boss->sched, boss->relay, &boss->plan, &file);) {
        uint32_t first = boss->segments.first[file];

        assert_int_equal(segments_of(&boss->segments, file), 1);
        assert_int_equal(segment_bytes(&boss->segments, first),
                         boss->plan.files[file].size);
        for (uint32_t i = first; i < boss->segments.first[file + 1]; i++) {
            assert_int_equal(boss->world.writer[i], SIM_NOBODY);
            boss->nstored -= boss->stored[i];
            boss->stored[i] = i != first;
            boss->nstored += boss->stored[i];
            boss->world.token[i] = sim_good(i);
        }
        boss->count.merged++;
    }
}

static void failed(struct sim_boss *boss, const struct sim_event *event)
{
    static const struct outcome outcomes[] = {
        { .status = 503, .retry_after = 2, .reset = -1 },
        { .status = 429, .retry_after = -1, .reset = 3 },
        { .status = 206, .fault = NET_CUT, .retry_after = -1, .reset = -1 },
        { .fault = NET_CONNECT, .retry_after = -1, .reset = -1 },
    };
    const struct retry_policy policy = { 0.5, 30, 8 };
    struct outcome outcome = outcomes[sim_random(&boss->world) % 4];
    unsigned *attempt = &boss->attempt[event->segment];
    struct retry_decision decision;

    *attempt = event->bytes ? 1 : *attempt < 5 ? *attempt + 1 : 5;
    outcome.progressed = event->bytes;
    decision = retry_decide(&policy, &outcome, *attempt, sim_chance(&boss->world));
    assert_int_not_equal(decision.remedy, REMEDY_GIVE_UP);
    if (decision.remedy == REMEDY_SLOW_DOWN)
        sched_hold(boss->sched, boss->world.now + decision.delay);
    refuse(boss, event);
    let_go(boss, event->rank, event->segment, 0);
    sched_failed(boss->sched, event->rank, event->segment,
                 boss->world.now + decision.delay);
}

static void reported(struct sim_boss *boss, const struct sim_event *event)
{
    switch (event->report) {
    case SIM_CREDIT:
        sched_credit(boss->sched, event->rank, (uint32_t)event->bytes);
        break;
    case SIM_PROGRESS:
        sched_progress(boss->sched, event->rank, event->segment, event->bytes,
                       boss->world.now);
        break;
    case SIM_RECEIVED:
        sched_received(boss->sched, event->rank, event->bytes, boss->world.now);
        break;
    case SIM_DONE:
        done(boss, event);
        break;
    case SIM_FAILED:
        failed(boss, event);
        break;
    case SIM_DROPPED:
        let_go(boss, event->rank, event->segment, 0);
        sched_cancelled(boss->sched, event->rank, event->segment);
        break;
    case SIM_SHORTENED:
        let_go(boss, event->rank, event->segment, event->count);
        sched_shortened(boss->sched, event->rank, event->segment, event->count,
                        boss->world.now);
        break;
    case SIM_HASHED:
        hashed(boss, event);
        break;
    }
}

static void freeze(struct sim_world *world)
{
    sim_push(world, (struct sim_event){
                        .at = world->now,
                        .kind = SIM_FREEZE,
                        .rank = (int)(sim_random(world) % (uint64_t)world->nranks),
                        .seconds = 90 * sim_chance(world) });
}

static void check(struct sim_boss *boss)
{
    if (boss->whole.count > 0) { /* what is withdrawn counts as stored */
        assert_false(sched_finished(boss->sched));
        return;
    }
    assert_int_equal(sched_stored(boss->sched), boss->nstored);
    assert_int_equal(sched_pending(boss->sched) + sched_leased(boss->sched) +
                         boss->nstored,
                     boss->segments.count);
    assert_int_equal(sched_finished(boss->sched), boss->nstored == boss->segments.count);
}

/* Turns come seldom when nothing is heard for long. */
static void sleep_a_while(struct sim_boss *boss, bool heard)
{
    struct sim_world *world = &boss->world;

    boss->nap = heard ? 0.01 : fmin(2 * boss->nap, 1);
    if (heard)
        boss->heard = world->now;
    assert_true(world->now < boss->heard + 3600); /* a dead end */
    boss->wake++;
    sim_push(world, (struct sim_event){ .at = world->now + boss->nap,
                                        .kind = SIM_WAKE,
                                        .epoch = boss->wake });
}

static void step(struct sim_boss *boss, struct sim_event *event)
{
    switch (event->kind) {
    case SIM_REPORT:
        reported(boss, event);
        break;
    case SIM_WAKE:
        if (event->epoch != boss->wake)
            return;
        break;
    default:
        sim_rank_event(&boss->world, event);
        return;
    }
    merge(boss);
    act(boss);
    hash(boss);
    check(boss);
    sleep_a_while(boss, event->kind == SIM_REPORT);
}

double sim_boss_run(struct sim_boss *boss)
{
    const struct sim_faults *faults = &boss->world.faults;
    double stored_at = 0;
    struct sim_event event;

    act(boss);
    while (!sched_finished(boss->sched) || !relay_finished(boss->relay)) {
        double chance = sim_chance(&boss->world);

        /* Nothing left to happen before the end would be a deadlock. */
        if (!sim_pop(&boss->world, &event))
            fail_msg("dead end: %u pending, %u leased, %u stored",
                     (unsigned)sched_pending(boss->sched),
                     (unsigned)sched_leased(boss->sched), (unsigned)boss->nstored);
        step(boss, &event);
        free(event.action);
        if (chance < faults->freeze && boss->strikes++ < 20)
            freeze(&boss->world);
        if (!sched_finished(boss->sched))
            stored_at = boss->world.now;
        assert_in_range(++boss->count.steps, 1, 3000000);
        assert_true(boss->world.now < 1e6);
    }
    for (uint32_t i = 0; i < boss->segments.count; i++) {
        assert_int_equal(boss->stored[i], 1);
        assert_int_equal(boss->world.token[i], sim_good(i));
    }
    return stored_at;
}
