#include "fetch/carrier.h"

#include <stdlib.h>

#include "core/sched/spread.h"
#include "ranks/mail.h"

enum { CARRIER_SENDS = 64 /* at a time, beside what is taken */ };

static const double farewell = 1; /* seconds, for what is under way at the end */

int carrier_open(struct carrier *carrier, const struct stow *stow, struct pool *pool,
                 const struct carrier_told *told, struct err *err)
{
    *carrier = (struct carrier){ .run = stow->run, .stow = *stow, .pool = pool };
    if (told)
        carrier->told = *told;
    carrier->last = &carrier->first;
    carrier->got = calloc(1, sizeof(*carrier->got));
    carrier->fence =
        calloc((size_t)carrier->run->segments.count + 1, sizeof(*carrier->fence));
    if (!carrier->got || !carrier->fence)
        return err_memory(err, "messages");
    carrier->got->kind = MSG_GOT;
    if (berths_open(&carrier->berths, carrier->run->opt.per_node_memory,
                    spread_longest(&carrier->run->segments), err) < 0)
        return -1;
    return passages_open(&carrier->passages, carrier->run->ranks.comm,
                         carrier->berths.count + CARRIER_SENDS, err);
}

void carrier_close(struct carrier *carrier)
{
    bool all = passages_close(&carrier->passages, farewell);

    berths_close(&carrier->berths, !all);
    for (struct consignment *next, *c = carrier->first; c; c = next) {
        next = c->next;
        consignment_destroy(c);
    }
    free(carrier->got);
    free(carrier->fence);
    strbuf_release(&carrier->blob);
    *carrier = (struct carrier){ 0 };
}

void carrier_add(struct carrier *carrier, struct consignment *c)
{
    c->owner = carrier;
    *carrier->last = c;
    carrier->last = &c->next;
}

bool carrier_is_fenced(const struct carrier *carrier, uint32_t ticket, uint32_t segment)
{
    return ticket < carrier->fence[segment];
}

void carrier_forget(struct carrier *carrier, struct consignment *c)
{
    struct consignment **at = &carrier->first;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    if (carrier->last == &c->next)
        carrier->last = at;
    consignment_destroy(c);
}

int carrier_fail(struct carrier *carrier, const struct err *why, struct err *err)
{
    struct msg msg = { .kind = MSG_NODE_FAILED,
                       .code = (int32_t)why->code,
                       .reason = (int32_t)why->reason,
                       .text = why->text };

    if (carrier->failed)
        return 0;
    carrier->failed = true;
    return mail_send(&carrier->run->ranks, 0, &msg, err);
}
