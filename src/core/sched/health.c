#include "core/sched/health.h"

#include <math.h>
#include <stdlib.h>

/* Seconds. */
static const double look_every = 0.2, at_a_time = 0.05,
                    young = 0.25, /* its rate says nothing yet */
    seen_soon = 1, seen_late = 4, /* before it is judged */
    remember = 10,                /* what was good */
    trial_most = 10, rest_least = 30, rest_most = 960;

/* Shares of what is good, below which a connection is replaced after so many seconds. */
static const double far_below = 0.2, below = 0.4;

static const double better = 2, /* times as fast as the one before */
    helps = 0.1, keep = 0.97,   /* share of the trials of late; and how late that is */
    brought_least = 0.25;       /* of what the trials promised */

/* Replacements: at once, and for each second after that. */
static const double host_burst = 32, host_each = 0.5, job_burst = 256, job_each = 4;

enum {
    HEALTH_FEW = 3,       /* connections, of which none can be called slow */
    HEALTH_FAILURES = 12, /* in a row, at a source where none has helped, */
    HEALTH_BAD_LUCK = 36, /* and where some have */
    HEALTH_RATES = 256
};

int health_init(struct health *h, int nranks, unsigned most, const int *node,
                double period, struct err *err)
{
    size_t n = (size_t)nranks;

    *h = (struct health){ .node = node,
                          .nranks = nranks,
                          .nhosts = nranks,
                          .most = most,
                          .forget = 2.4 * period,
                          .looked = -INFINITY };
    h->connection = calloc(n * most + 1, sizeof(*h->connection));
    h->host = calloc(n, sizeof(*h->host));
    h->spoke = calloc(n, sizeof(*h->spoke));
    if (!h->connection || !h->host || !h->spoke) {
        health_release(h);
        return err_memory(err, "the rates of connections");
    }
    rate_init(&h->budget, job_each, job_burst, 0);
    for (size_t i = 0; i < n; i++) {
        rate_init(&h->host[i].budget, host_each, host_burst, 0);
        h->host[i].rest_until = -INFINITY;
        h->host[i].rest_gap = rest_least;
        h->host[i].first = nranks;
    }
    for (int rank = 0; rank < nranks; rank++) {
        struct health_host *host = &h->host[node[rank]];

        host->first = rank < host->first ? rank : host->first;
        host->end = rank + 1;
    }
    for (size_t i = 0; i < n * most; i++)
        h->connection[i].heard = -INFINITY;
    return 0;
}

void health_release(struct health *h)
{
    free(h->connection);
    free(h->host);
    free(h->spoke);
    h->connection = NULL;
    h->host = NULL;
    h->spoke = NULL;
}

static struct health_connection *of_rank(const struct health *h, int rank)
{
    return h->connection + (size_t)rank * h->most;
}

static bool is_known(const struct health *h, const struct health_connection *one,
                     double now)
{
    int rank = (int)((size_t)(one - h->connection) / h->most);

    return one->heard >= h->spoke[rank] - at_a_time && one->heard + h->forget >= now;
}

static double rate_of_host(const struct health *h, int host, double now, unsigned *of)
{
    double sum = 0;

    *of = 0;
    for (int rank = h->host[host].first; rank < h->host[host].end; rank++) {
        if (h->node[rank] != host)
            continue;
        for (unsigned i = 0; i < h->most; i++)
            if (is_known(h, &of_rank(h, rank)[i], now)) {
                sum += of_rank(h, rank)[i].word.rate;
                (*of)++;
            }
    }
    return sum;
}

static void rest(struct health_host *host, double now)
{
    host->rest_until = now + host->rest_gap;
    host->rest_gap = fmin(2 * host->rest_gap, rest_most);
    host->failures = 0;
}

/* Once no trial is open: did the host receive what they promised? */
static void settle_host(struct health *h, int number, double now)
{
    struct health_host *host = &h->host[number];
    unsigned of;
    double rate;

    if (host->trials > 0 || host->promised <= 0)
        return;
    rate = rate_of_host(h, number, now, &of);
    if (of >= host->base_of && rate - host->base < brought_least * host->promised)
        rest(host, now);
    host->promised = 0;
}

/* How many in a row may be no better: chance alone makes long rows where few help. */
static unsigned failures_most(const struct health *h)
{
    return h->helped > helps * h->tried ? HEALTH_BAD_LUCK : HEALTH_FAILURES;
}

/* One that is fast shows it soon, and may then be done with its segment. */
static void judge_trial(struct health *h, int number, struct health_connection *one,
                        double now)
{
    struct health_host *host = &h->host[number];
    bool good = one->word.seconds >= young && one->word.rate >= better * one->old_rate;

    if (!good && one->word.seconds < seen_soon && now <= one->replaced + trial_most)
        return;
    h->tried = keep * h->tried + 1;
    h->helped = keep * h->helped + good;
    if (good) {
        host->promised += one->word.rate - one->old_rate;
        host->failures = 0;
        host->rest_gap = rest_least;
    } else if (++host->failures >= failures_most(h)) {
        rest(host, now);
    }
    one->old_rate = 0;
    host->trials--;
}

static void forget_one(struct health *h, int rank, struct health_connection *one)
{
    h->host[h->node[rank]].trials -= one->old_rate > 0;
    *one = (struct health_connection){ .heard = -INFINITY };
}

/* Segments that came to their end while a connection was on trial. */
static void forget_ended(struct health *h, double now)
{
    for (int rank = 0; rank < h->nranks; rank++)
        for (unsigned i = 0; i < h->most; i++) {
            struct health_connection *one = &of_rank(h, rank)[i];

            if (one->old_rate > 0 && !is_known(h, one, now))
                forget_one(h, rank, one);
        }
}

static struct health_connection *place_of(struct health *h, int rank, uint32_t segment,
                                          double now)
{
    struct health_connection *list = of_rank(h, rank), *oldest = list;

    for (unsigned i = 0; i < h->most; i++) {
        if (list[i].heard + h->forget >= now && list[i].word.segment == segment)
            return &list[i];
        if (list[i].heard < oldest->heard)
            oldest = &list[i];
    }
    forget_one(h, rank, oldest);
    return oldest;
}

void health_hear(struct health *h, int rank, const struct health_word *word, double now)
{
    struct health_connection *one = place_of(h, rank, word->segment, now);
    bool on_trial = one->old_rate > 0;

    /* A word that crossed the order to replace it is one of the old connection. */
    if (on_trial && word->seconds > now - one->replaced) {
        one->heard = h->spoke[rank] = now;
        return;
    }
    one->word = *word;
    one->heard = h->spoke[rank] = now;
    if (on_trial)
        judge_trial(h, h->node[rank], one, now);
}

static int by_rate(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

/* At the end of a run the good ones are through first. */
static double good_lately(struct health_host *host, uint32_t source, double good,
                          unsigned n, double now)
{
    bool recent = source == host->best_source && now <= host->best_at + remember;

    if (n >= HEALTH_FEW && (!recent || good >= host->best)) {
        host->best = good;
        host->best_at = now;
        host->best_source = source;
        host->best_of = recent && n < host->best_of ? host->best_of : n;
    }
    if (recent && 2 * n < host->best_of)
        return host->best;
    return n >= HEALTH_FEW ? good : 0;
}

/* What the best tenth of the connections of a host to a source reach; 0: too little is
 * known, or it is we that hold most of them back. */
static double good_rate(struct health *h, int host, uint32_t source, double now)
{
    double rate[HEALTH_RATES];
    unsigned n = 0, ours = 0;

    for (int rank = h->host[host].first; rank < h->host[host].end; rank++) {
        if (h->node[rank] != host)
            continue;
        for (unsigned i = 0; i < h->most; i++) {
            const struct health_connection *one = &of_rank(h, rank)[i];

            if (!is_known(h, one, now) || one->word.source != source ||
                one->word.seconds < young || n == HEALTH_RATES)
                continue;
            rate[n++] = one->word.rate;
            ours += one->word.ours;
        }
    }
    if (n == 0 || 2 * ours > n)
        return 0;
    qsort(rate, n, sizeof(*rate), by_rate);
    return good_lately(&h->host[host], source, rate[(9 * n + 9) / 10 - 1], n, now);
}

static bool is_slow(const struct health *h, const struct health_connection *one,
                    double good, double now)
{
    const struct health_word *word = &one->word;

    return is_known(h, one, now) && one->old_rate <= 0 && !word->ours &&
           word->rate >= 0 &&
           ((word->seconds >= seen_soon && word->rate < far_below * good) ||
            (word->seconds >= seen_late && word->rate < below * good));
}

/* Once a look: a host may have hundreds of connections. */
static double good_in_look(struct health *h, int number, uint32_t source, double now)
{
    struct health_host *host = &h->host[number];

    if (host->known_look != h->looks || host->known_source != source) {
        host->known = good_rate(h, number, source, now);
        host->known_look = h->looks;
        host->known_source = source;
    }
    return host->known;
}

static bool choose(struct health *h, int rank, double now, struct health_choice *choice)
{
    struct health_connection *list = of_rank(h, rank);

    for (unsigned i = 0; i < h->most; i++) {
        double good = 0;

        if (is_slow(h, &list[i], INFINITY, now))
            good = good_in_look(h, h->node[rank], list[i].word.source, now);
        if (good <= 0 || !is_slow(h, &list[i], good, now))
            continue;
        *choice =
            (struct health_choice){ rank, list[i].word.segment, list[i].word.rate, good };
        list[i].replaced = now;
        return true;
    }
    return false;
}

static void begin_trial(struct health *h, const struct health_choice *choice, double now)
{
    struct health_host *host = &h->host[h->node[choice->rank]];
    struct health_connection *one = place_of(h, choice->rank, choice->segment, now);

    if (host->trials++ == 0)
        host->base = rate_of_host(h, h->node[choice->rank], now, &host->base_of);
    rate_spend(&host->budget, 1, now);
    rate_spend(&h->budget, 1, now);
    one->old_rate = fmax(choice->rate, 1);
    h->replaced++;
}

/* What is good is to be known when it is needed, and nothing may be good any more then. */
static void look_at(struct health *h, int number, double now)
{
    const struct health_host *host = &h->host[number];
    const struct health_connection *list = of_rank(h, host->first);

    settle_host(h, number, now);
    for (unsigned i = 0; i < h->most; i++)
        if (is_known(h, &list[i], now)) {
            good_rate(h, number, list[i].word.source, now);
            return;
        }
}

bool health_next(struct health *h, double now, struct health_choice *choice)
{
    if (h->turn == 0 && now < h->looked + look_every)
        return false;
    if (h->turn == 0) {
        h->looks++;
        forget_ended(h, now);
        for (int host = 0; host < h->nhosts; host++)
            if (h->host[host].end > 0)
                look_at(h, host, now);
    }
    h->looked = now;
    for (; h->turn < h->nranks; h->turn++) {
        struct health_host *host = &h->host[h->node[h->turn]];

        if (now < host->rest_until || rate_wait(&host->budget, now) > 0 ||
            rate_wait(&h->budget, now) > 0 || !choose(h, h->turn, now, choice))
            continue;
        begin_trial(h, choice, now);
        return true;
    }
    h->turn = 0;
    return false;
}
