#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>

#include <cmocka.h>

#include "sim_source.h"

static const double tick = 0.05, report_every = 0.25;

struct sim {
    const struct sim_source *source;
    struct governor governor;
    unsigned wanted[SIM_RANKS], open[SIM_RANKS];
    double received[SIM_RANKS], reported[SIM_RANKS];
    double all, total;
    double collapsed_until, now;
    bool above;
    uint64_t chance;
    struct sim_result result;
};

static double vary(struct sim *sim)
{
    sim->chance = sim->chance * 6364136223846793005u + 1442695040888963407u;
    return 1 + sim->source->noise * ((double)(sim->chance >> 40) / (1 << 23) - 1);
}

static unsigned sum_of(const unsigned *open, int ranks)
{
    unsigned sum = 0;

    for (int i = 0; i < ranks; i++)
        sum += open[i];
    return sum;
}

/* What each rank gets, if nothing is wrong. */
static double give(const struct sim_source *s, const unsigned *open, double now,
                   double *out)
{
    double sum = 0;

    for (int i = 0; i < s->ranks; i++) {
        double link = i == 0 && s->slow > 0 && now >= s->slow_at ? s->slow : s->host;
        double rate = s->each > 0 ? s->each * open[i] : open[i] > 0 ? 1e12 : 0;

        out[i] = link > 0 ? fmin(rate, link) : rate;
        sum += out[i];
    }
    if (s->all <= 0 || sum <= s->all)
        return sum;
    for (int i = 0; i < s->ranks; i++)
        out[i] *= s->all / sum;
    return s->all;
}

static void deal(int ranks, unsigned level, unsigned *out)
{
    for (int i = 0; i < ranks; i++)
        out[i] = level / (unsigned)ranks + ((unsigned)i < level % (unsigned)ranks);
}

double sim_best(const struct sim_source *source, unsigned most)
{
    unsigned open[SIM_RANKS];
    double out[SIM_RANKS];

    if (source->limit > 0 && source->limit < most)
        most = source->limit;
    if (source->refuses > 0 && source->refuses < most)
        most = source->refuses;
    deal(source->ranks, most, open);
    return give(source, open, 0, out);
}

static double weather(struct sim *sim)
{
    const struct sim_source *s = sim->source;
    unsigned sending = sum_of(sim->open, s->ranks);
    double share = 1;

    if (s->limit > 0 && sending > s->limit) {
        sim->result.collapses += !sim->above;
        sim->collapsed_until = sim->now + 2;
    }
    sim->above = s->limit > 0 && sending > s->limit;
    if (sim->now < sim->collapsed_until) {
        share = s->share;
        sim->result.collapsed += tick;
    }
    if (s->ramp > 0 && sim->now < s->ramp)
        share *= fmax(sim->now / s->ramp, 0.02);
    if (s->drop_until > 0 && sim->now >= s->drop_at && sim->now < s->drop_until)
        share *= s->drop_to;
    return share;
}

static void move_bytes(struct sim *sim)
{
    double out[SIM_RANKS], share = weather(sim);

    give(sim->source, sim->open, sim->now, out);
    for (int i = 0; i < sim->source->ranks; i++) {
        double bytes = out[i] * share * tick * vary(sim);

        sim->received[i] += bytes;
        sim->all += bytes;
    }
}

static void follow(struct sim *sim)
{
    for (int i = 0; i < sim->source->ranks; i++) {
        if (sim->open[i] < sim->wanted[i])
            sim->open[i] = sim->wanted[i];
        else if (sim->open[i] > sim->wanted[i] && fmod(sim->now + 0.01 * i, 0.3) < tick)
            sim->open[i]--; /* a segment ends */
    }
}

static void report(struct sim *sim)
{
    for (int i = 0; i < sim->source->ranks; i++)
        if (sim->now >= sim->reported[i] + report_every) {
            sim->reported[i] = sim->now;
            governor_hear(&sim->governor, i, (uint64_t)sim->received[i], sim->now);
        }
}

static void obey(struct sim *sim)
{
    const struct sim_source *s = sim->source;
    struct governor_work work = { .running = sum_of(sim->open, s->ranks),
                                  .hungry = sim->total - sim->all > 1e6,
                                  .left = (uint64_t)fmax(sim->total - sim->all, 0) };
    struct governor_change change;

    if (s->refuses > 0 && work.running > s->refuses)
        governor_refused(&sim->governor);
    if (!governor_step(&sim->governor, &work, sim->now, &change))
        return;
    sim->result.changes++;
    sim->result.highest =
        change.to > sim->result.highest ? change.to : sim->result.highest;
    sim->result.lowest = change.to < sim->result.lowest ? change.to : sim->result.lowest;
    deal(s->ranks, change.to, sim->wanted);
    if (change.at_once)
        deal(s->ranks, change.to, sim->open);
}

struct sim_result sim_run(const struct sim_source *source,
                          const struct governor_policy *policy, double seconds)
{
    struct sim sim = { .source = source, .collapsed_until = -1, .chance = 7 };
    double best = sim_best(source, policy->most);
    struct err err = { 0 };

    assert_int_equal(governor_init(&sim.governor, policy, source->ranks, &err), 0);
    sim.total = best * seconds;
    sim.result.highest = sim.result.lowest = policy->start;
    deal(source->ranks, policy->start, sim.wanted);
    for (int i = 0; i < source->ranks; i++)
        sim.reported[i] = report_every * i / source->ranks - report_every;
    while (sim.all < sim.total && sim.now < 20 * seconds) {
        follow(&sim);
        move_bytes(&sim);
        report(&sim);
        obey(&sim);
        sim.now += tick;
    }
    sim.result.seconds = sim.now;
    sim.result.share = seconds / sim.now;
    sim.result.level = sim.governor.level;
    governor_release(&sim.governor);
    return sim.result;
}
