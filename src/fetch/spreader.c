#include "fetch/spreader.h"

#include <stdlib.h>

#include "fetch/giver.h"
#include "fetch/taker.h"
#include "ranks/nodes.h"
#include "report/trace.h"

int spreader_open(struct spreader *s, const struct stow *stow, struct pool *pool,
                  const struct carrier_told *told, struct err *err)
{
    *s = (struct spreader){ 0 };
    return carrier_open(&s->carrier, stow, pool, told, err);
}

void spreader_close(struct spreader *s)
{
    carrier_close(&s->carrier);
    *s = (struct spreader){ 0 };
}

bool spreader_is_busy(const struct spreader *s)
{
    return s->carrier.passages.taking + s->carrier.passages.giving > 0;
}

void spreader_fail(struct spreader *s)
{
    s->carrier.failed = true;
}

static void trace_taken(const struct carrier *s, const struct passage *passage)
{
    const struct piece *piece = &passage->piece;

    trace_span(s->run->trace, TRACE_TAKE, (unsigned)(passage->berth - s->berths.berth),
               piece_segment(&passage->consignment->parcel, piece->place),
               piece->segments, passage->began, s->passages.counted);
}

static int end_passages(struct carrier *s, bool *moved, struct err *err)
{
    struct passage *passage;
    int rc;

    while ((rc = passages_ended(&s->passages, &passage, err)) > 0) {
        struct consignment *c = passage->consignment;
        struct recipient *to = passage->to;

        *moved = true;
        if (!to)
            trace_taken(s, passage);
        free(passage);
        if (to) {
            giver_sent(s, c, to);
        } else if (taker_arrived(s, c, err) < 0) {
            return -1;
        }
    }
    return rc;
}

int spreader_step(struct spreader *s, bool *moved, struct err *err)
{
    if (end_passages(&s->carrier, moved, err) < 0 ||
        giver_step(&s->carrier, moved, err) < 0 ||
        taker_step(&s->carrier, moved, err) < 0)
        return -1;
    return taker_send(&s->carrier, err);
}

static void learn_whole(struct run *run, const struct parcel *parcel)
{
    for (uint32_t i = 0; i < parcel->nruns; i++)
        if (parcel->run[i].flags & MSG_ITEM_WHOLE)
            run->plan.files[run->segments.file[parcel->run[i].first]].flags |= PLAN_WHOLE;
}

static int hear_parcel(struct carrier *s, int from, const struct msg *msg,
                       struct err *err)
{
    struct run *run = s->run;
    struct consignment *c;

    if (s->failed)
        return 0;
    c = consignment_create(msg, from, run->segments.count,
                           (uint32_t)nodes_count(&run->ranks), err);
    if (!c)
        return -1;
    carrier_add(s, c);
    learn_whole(run, &c->parcel);
    return from < 0 ? giver_begin(s, c, err) : taker_begin(s, c, err);
}

int spreader_hear(struct spreader *s, int from, const struct msg *msg, struct err *err)
{
    if (msg->kind == MSG_TAKE)
        return giver_hear(&s->carrier, from, msg, err);
    if (msg->kind == MSG_FENCE)
        return taker_fence(&s->carrier, msg, err);
    return hear_parcel(&s->carrier, msg->kind == MSG_TICKET ? -1 : from, msg, err);
}
