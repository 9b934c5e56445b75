#include "core/sched/governor.h"

#include <math.h>

/* Seconds. */
static const double look_every = 0.2, settle = 0.4, /* after a change */
    judge_soon = 0.7,                               /* if it is clear */
    judge_late = 1.6,                               /* in any case */
    patience = 3.2, /* for a source to recover: two seconds are usual */
    penalty = 3,    /* what a collapse costs */
    worth = 6,      /* a run that ends sooner is left as it is */
    long_run = 60,  /* one that would last longer may be in a collapse */
    gap_least = 15, gap_most = 240, bad_least = 120, bad_most = 3600, fear_least = 60;

static const double collapse = 0.2,     /* of the reference */
    gain_clear = 0.7, gain_least = 0.3, /* of what each connection brought before */
    shy = 0.7;                          /* after the source asked for fewer */

enum {
    SLOW_CONNECTION = 256 << 10, /* bytes a second, of a connection in a long run: slow */
    SILENT = 2 << 10,            /* the same: nothing to speak of */
    FEWER = 8,
    STILL_FEWER = 4, /* times fewer, if a collapse is feared */
    TRIES = 3,
    RECOVERS = 6 /* times as fast: that was a collapse */
};

int governor_init(struct governor *g, const struct governor_policy *policy, int nranks,
                  struct err *err)
{
    *g = (struct governor){ .policy = *policy,
                            .level = policy->start,
                            .good = policy->start,
                            .figures = { policy->start, policy->start, policy->start,
                                         policy->start, 0, 0 },
                            .looked = -INFINITY,
                            .next_growth = -INFINITY,
                            .next_fear = -INFINITY,
                            .refused_at = -INFINITY,
                            .bad_until = INFINITY,
                            .growth_gap = gap_least,
                            .fear_gap = fear_least,
                            .bad_gap = bad_least };
    return goodput_init(&g->goodput, nranks, err);
}

void governor_release(struct governor *g)
{
    goodput_release(&g->goodput);
}

void governor_hear(struct governor *g, int rank, uint64_t received, double now)
{
    goodput_hear(&g->goodput, rank, received, now);
}

void governor_refused(struct governor *g)
{
    g->refused = true;
}

bool governor_is_calm(const struct governor *g)
{
    return g->state != GOVERNOR_SHRUNK && g->low == 0;
}

const char *governor_reason(enum governor_reason reason)
{
    static const char *const text[GOVERNOR_REASONS] = {
        [GOVERNOR_TRIES_MORE] = "trying whether more bring more",
        [GOVERNOR_NO_GAIN] = "more did not bring more",
        [GOVERNOR_COLLAPSED] = "the source gives almost nothing to so many",
        [GOVERNOR_TRIES_FEWER] = "the source gives almost nothing: trying fewer",
        [GOVERNOR_NO_COLLAPSE] = "fewer did not help",
        [GOVERNOR_ASKED_TO] = "the source asked to slow down",
    };

    return text[reason];
}

static void measure_anew(struct governor *g, double now)
{
    g->entered = now;
    g->low = 0;
    goodput_begin(&g->goodput, now + settle);
}

static void note_level(struct governor_figures *figures,
                       const struct governor_change *change)
{
    figures->changes += change->from != change->to;
    figures->last = change->to;
    figures->least = change->to < figures->least ? change->to : figures->least;
    figures->most = change->to > figures->most ? change->to : figures->most;
}

static bool move_to(struct governor *g, enum governor_state state, unsigned level,
                    enum governor_reason reason, double now,
                    struct governor_change *change)
{
    *change = (struct governor_change){
        .from = g->level,
        .to = level,
        .at_once = state == GOVERNOR_SHRUNK,
        .reason = reason,
    };
    g->state = state;
    g->level = level;
    g->full = false;
    note_level(&g->figures, change);
    measure_anew(g, now);
    return change->from != change->to;
}

static unsigned fewer(const struct governor *g, unsigned level)
{
    return level > g->policy.least ? level : g->policy.least;
}

static bool shrink(struct governor *g, unsigned level, enum governor_reason reason,
                   double now, struct governor_change *change)
{
    g->lowest = fmax(goodput_recent(&g->goodput), (double)SILENT * g->level);
    g->before = g->level;
    g->tries = 1;
    return move_to(g, GOVERNOR_SHRUNK, fewer(g, level), reason, now, change);
}

static void note_bad(struct governor *g, unsigned level, double now)
{
    g->failures++;
    g->bad = level;
    g->bad_until = now + g->bad_gap;
    g->bad_gap = fmin(2 * g->bad_gap, bad_most);
}

/* The next level to try; not above the present one: none. */
static unsigned next_level(const struct governor *g)
{
    unsigned level = g->level + (g->level + 1) / 2, between = (g->level + g->bad) / 2;

    if (g->bad > 0) {
        level = 2 * g->level;
        level = between < level ? between : level;
    }
    return level < g->policy.most ? level : g->policy.most;
}

/* Whether what it may bring in the rest of the run is worth the risk of a collapse. */
static bool is_worth(const struct governor *g, unsigned level, double seconds)
{
    double more = (double)level / g->level - 1, fails = 0.1;

    if (!g->pays)
        more /= g->tested ? 4 : 2;
    if (g->bad > 0)
        fails = (double)(level - g->level) / (g->bad - g->level);
    return seconds > worth &&
           (1 - fails) * more * seconds > fails * penalty * (1 + g->failures);
}

static bool grow(struct governor *g, double seconds, double now,
                 struct governor_change *change)
{
    unsigned level;

    if (g->bad > 0 && now >= g->bad_until)
        g->bad = 0;
    level = next_level(g);
    if (g->policy.capped || now < g->next_growth || level <= g->level ||
        !is_worth(g, level, seconds))
        return false;
    g->good = g->level;
    goodput_keep(&g->goodput);
    return move_to(g, GOVERNOR_GROWN, level, GOVERNOR_TRIES_MORE, now, change);
}

/* The rate of all has been next to nothing for two looks in a row. */
static bool is_collapsed(struct governor *g)
{
    double recent = goodput_recent(&g->goodput);
    bool low = g->reference > 0 && recent < collapse * g->reference &&
               goodput_fell(&g->goodput, 2 * collapse);

    g->low = low ? g->low + 1 : 0;
    return g->low >= 2;
}

static bool is_feared(const struct governor *g, const struct governor_work *work,
                      double rate, double span, double now)
{
    return g->reference <= 0 && span >= settle && now >= g->next_fear &&
           g->level > g->policy.least && rate < (double)SLOW_CONNECTION * g->level &&
           (double)work->left > long_run * rate;
}

static bool steady(struct governor *g, const struct governor_work *work, double now,
                   struct governor_change *change)
{
    double span, rate = goodput_mean(&g->goodput, &span);

    if (is_feared(g, work, rate, span, now))
        return shrink(g, g->level / FEWER, GOVERNOR_TRIES_FEWER, now, change);
    if (!work->hungry)
        return false;
    if (is_collapsed(g) && now >= g->next_fear)
        return shrink(g, g->level / 2, GOVERNOR_COLLAPSED, now, change);
    if (span < (g->bad > 0 && g->reference <= 0 ? judge_soon : judge_late))
        return false;
    g->reference = rate;
    goodput_keep(&g->goodput);
    if (grow(g, (double)work->left / fmax(rate, 1), now, change))
        return true;
    if (span > gap_least)
        measure_anew(g, now); /* what was long ago counts no more */
    return false;
}

static bool grown(struct governor *g, double now, struct governor_change *change)
{
    double span, rate = goodput_mean(&g->goodput, &span);
    double more = (double)g->level / g->good - 1;

    if (is_collapsed(g)) {
        note_bad(g, g->level, now);
        return shrink(g, g->good, GOVERNOR_COLLAPSED, now, change);
    }
    if (span < judge_soon)
        return false;
    g->pays =
        rate >= g->reference * (1 + (span < judge_late ? gain_clear : gain_least) * more);
    if (!g->pays && span < judge_late)
        return false;
    g->tested = true;
    if (!g->pays) {
        g->next_growth = now + g->growth_gap;
        g->growth_gap = fmin(2 * g->growth_gap, gap_most);
        return move_to(g, GOVERNOR_STEADY, g->good, GOVERNOR_NO_GAIN, now, change);
    }
    g->state = GOVERNOR_STEADY;
    g->good = g->level;
    g->reference = rate;
    g->growth_gap = gap_least;
    goodput_keep(&g->goodput);
    return false;
}

static bool recovered(struct governor *g, double now)
{
    double recent = goodput_recent(&g->goodput);
    bool known = g->reference > 0 && g->bad == g->before;
    double share = (double)g->level / g->before;

    if (known ? recent < g->reference / 2
              : recent < RECOVERS * g->lowest || recent < g->reference * share / 2)
        return false;
    if (!known)
        note_bad(g, g->before, now);
    g->figures.collapses++;
    g->state = GOVERNOR_STEADY;
    g->good = g->level;
    g->reference = 0;
    g->next_growth = now;
    g->next_fear = -INFINITY;
    measure_anew(g, now);
    return true;
}

static bool shrunk(struct governor *g, double now, struct governor_change *change)
{
    if (recovered(g, now) || now < g->entered + patience)
        return false;
    if (g->tries < TRIES && g->level > g->policy.least) {
        g->tries++;
        g->lowest = fmax(g->lowest, goodput_recent(&g->goodput));
        return move_to(g, GOVERNOR_SHRUNK, fewer(g, g->level / STILL_FEWER),
                       GOVERNOR_TRIES_FEWER, now, change);
    }
    g->reference = 0;
    g->next_fear = now + g->fear_gap;
    g->fear_gap *= 2;
    return move_to(g, GOVERNOR_STEADY, g->before, GOVERNOR_NO_COLLAPSE, now, change);
}

/* A refusal counts for all that were sent by then. */
static bool obey(struct governor *g, double now, struct governor_change *change)
{
    unsigned level = fewer(g, (unsigned)(shy * g->level));

    g->refused = false;
    if (now < g->refused_at + patience || level >= g->level)
        return false;
    g->refused_at = now;
    note_bad(g, g->level, now);
    g->next_growth = now + g->growth_gap;
    g->good = level;
    g->reference = 0;
    return move_to(g, GOVERNOR_STEADY, level, GOVERNOR_ASKED_TO, now, change);
}

bool governor_step(struct governor *g, const struct governor_work *work, double now,
                   struct governor_change *change)
{
    /* Before anything is known the end of the work cannot be what is seen. */
    bool busy = work->hungry || g->reference <= 0;
    bool flows = 2 * work->held < work->running;
    bool full = (g->state == GOVERNOR_SHRUNK || (busy && flows)) &&
                4 * work->running >= 3 * g->level;

    if (g->policy.pinned || now < g->looked + look_every)
        return false;
    g->looked = now;
    if (g->refused)
        return obey(g, now, change);
    if (full != g->full)
        measure_anew(g, now);
    g->full = full;
    if (!full)
        return false;
    switch (g->state) {
    case GOVERNOR_STEADY:
        return steady(g, work, now, change);
    case GOVERNOR_GROWN:
        return grown(g, now, change);
    case GOVERNOR_SHRUNK:
        return shrunk(g, now, change);
    }
    return false;
}
