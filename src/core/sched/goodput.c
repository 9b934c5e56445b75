#include "core/sched/goodput.h"

#include <stdlib.h>

/* Shorter ones say more of the size of reads than of a rate. */
static const double recent_least = 0.4;

int goodput_init(struct goodput *goodput, int nranks, struct err *err)
{
    *goodput = (struct goodput){ .nranks = nranks };
    goodput->rank = calloc((size_t)nranks, sizeof(*goodput->rank));
    return goodput->rank ? 0 : err_memory(err, "the rates of the ranks");
}

void goodput_release(struct goodput *goodput)
{
    free(goodput->rank);
    goodput->rank = NULL;
}

static double rate_between(const struct goodput_word *from, const struct goodput_word *to)
{
    double seconds = to->at - from->at;

    return seconds > 0 && to->bytes > from->bytes
               ? (double)(to->bytes - from->bytes) / seconds
               : 0;
}

void goodput_hear(struct goodput *goodput, int rank, uint64_t bytes, double now)
{
    struct goodput_rank *r = &goodput->rank[rank];

    r->last = (struct goodput_word){ now, bytes };
    if (!r->known) {
        r->known = bytes > 0;
        r->mark = r->last;
    } else if (now >= r->mark.at + recent_least) {
        r->rate = rate_between(&r->mark, &r->last);
        r->mark = r->last;
    }
    if (!r->measured && now >= goodput->begin) {
        r->measured = true;
        r->from = r->last;
    }
}

double goodput_recent(const struct goodput *goodput)
{
    double sum = 0;

    for (int i = 0; i < goodput->nranks; i++)
        sum += goodput->rank[i].rate;
    return sum;
}

void goodput_begin(struct goodput *goodput, double from)
{
    goodput->begin = from;
    for (int i = 0; i < goodput->nranks; i++)
        goodput->rank[i].measured = false;
}

double goodput_mean(const struct goodput *goodput, double *span)
{
    double sum = 0;
    bool any = false;

    *span = 0;
    for (int i = 0; i < goodput->nranks; i++) {
        const struct goodput_rank *r = &goodput->rank[i];
        double covered = r->measured ? r->last.at - r->from.at : 0;

        if (!r->known)
            continue;
        *span = !any || covered < *span ? covered : *span;
        any = true;
        if (covered > 0)
            sum += rate_between(&r->from, &r->last);
    }
    return sum;
}

void goodput_keep(struct goodput *goodput)
{
    for (int i = 0; i < goodput->nranks; i++) {
        struct goodput_rank *r = &goodput->rank[i];

        r->usual = r->measured ? rate_between(&r->from, &r->last) : 0;
    }
}

bool goodput_fell(const struct goodput *goodput, double share)
{
    int active = 0, fallen = 0;

    for (int i = 0; i < goodput->nranks; i++) {
        const struct goodput_rank *r = &goodput->rank[i];

        active += r->usual > 0;
        fallen += r->usual > 0 && r->rate < share * r->usual;
    }
    return active > 0 && 4 * fallen >= 3 * active;
}
