#include "fetch/carrier.h"

#include <stdlib.h>

#include "ranks/mail.h"

enum { CARRIER_SENDS = 64 /* at a time, beside what is taken */ };

static const double farewell = 1; /* seconds, for what is under way at the end */

int carrier_open(struct carrier *s, const struct stow *stow, struct pool *pool,
                 const struct carrier_told *told, struct err *err)
{
    *s = (struct carrier){ .run = stow->run, .stow = *stow, .pool = pool };
    if (told)
        s->told = *told;
    s->last = &s->first;
    s->got = calloc(1, sizeof(*s->got));
    if (!s->got)
        return err_memory(err, "messages");
    s->got->kind = MSG_GOT;
    if (berths_open(&s->berths, s->run->opt.per_node_memory, err) < 0)
        return -1;
    return passages_open(&s->passages, s->run->ranks.comm,
                         s->berths.count + CARRIER_SENDS, err);
}

void carrier_close(struct carrier *s)
{
    bool all = passages_close(&s->passages, farewell);

    berths_close(&s->berths, !all);
    for (struct consignment *next, *c = s->first; c; c = next) {
        next = c->next;
        consignment_destroy(c);
    }
    free(s->got);
    strbuf_release(&s->blob);
    *s = (struct carrier){ 0 };
}

void carrier_add(struct carrier *s, struct consignment *c)
{
    c->owner = s;
    *s->last = c;
    s->last = &c->next;
}

void carrier_forget(struct carrier *s, struct consignment *c)
{
    struct consignment **at = &s->first;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    if (s->last == &c->next)
        s->last = at;
    consignment_destroy(c);
}

int carrier_fail(struct carrier *s, const struct err *why, struct err *err)
{
    struct msg msg = { .kind = MSG_NODE_FAILED,
                       .code = (int32_t)why->code,
                       .text = why->text };

    if (s->failed)
        return 0;
    s->failed = true;
    return mail_send(&s->run->ranks, 0, &msg, err);
}
