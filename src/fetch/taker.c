#include "fetch/taker.h"

#include "fetch/giver.h"
#include "ranks/mail.h"
#include "ranks/nodes.h"
#include "resume/journal.h"

enum { TAKER_AHEAD = 4 /* pieces of a parcel that are asked for at a time */ };

int taker_send(struct carrier *s, struct err *err)
{
    int rc = s->got->nitems > 0 ? mail_send(&s->run->ranks, 0, s->got, err) : 0;

    s->got->nitems = 0;
    return rc;
}

/* File by file. */
static int tell_got(struct carrier *s, const struct parcel_run *run, struct err *err)
{
    const struct segments *segments = &s->run->segments;
    uint32_t end = run->first + run->count;

    for (uint32_t next, first = run->first; s->told.got && first < end; first = next) {
        next = segments->first[segments->file[first] + 1];
        next = next < end ? next : end;
        if (s->told.got(s->told.arg, first, next - first, err) < 0)
            return -1;
    }
    return 0;
}

static int say_got(struct carrier *s, const struct consignment *c, struct err *err)
{
    for (uint32_t i = 0; i < c->parcel.nruns; i++) {
        const struct parcel_run *run = &c->parcel.run[i];

        store_found(s->stow.store, run->first, run->count);
        if (tell_got(s, run, err) < 0)
            return -1;
        s->got->item[s->got->nitems++] =
            (struct msg_item){ .segment = run->first, .segments = run->count };
        if (s->got->nitems == MSG_ITEMS && taker_send(s, err) < 0)
            return -1;
    }
    return 0;
}

/* All of it, since none of it was passed on. */
static int say_missed(struct carrier *s, const struct consignment *c, struct err *err)
{
    const struct ranks *ranks = &s->run->ranks;

    for (uint32_t i = 0; i < c->parcel.nruns; i++) {
        struct msg msg = { .kind = MSG_MISSED,
                           .ticket = c->parcel.ticket,
                           .node = (uint32_t)nodes_of(ranks, c->from),
                           .segment = c->parcel.run[i].first,
                           .segments = c->parcel.run[i].count,
                           .text = "the bytes do not have the checksum that they had "
                                   "when they were fetched" };

        if (mail_send(&s->run->ranks, 0, &msg, err) < 0)
            return -1;
    }
    return 0;
}

static int end_if_taken(struct carrier *s, struct consignment *c, struct err *err)
{
    if (!consignment_has_come(c))
        return 0;
    if (c->state == CONSIGNMENT_TAKING) {
        consignment_enter(c, CONSIGNMENT_GIVING);
        return say_got(s, c, err) < 0 ? -1 : giver_offer(s, c, err);
    }
    if (c->wrong && !s->failed && say_missed(s, c, err) < 0)
        return -1;
    consignment_enter(c, CONSIGNMENT_OVER);
    carrier_forget(s, c);
    return 0;
}

static int run_put(struct job *job)
{
    struct berth *berth = job->owner;
    struct consignment *c = berth->consignment;
    const struct carrier *s = c->owner;
    int rc = stow_put(&s->stow, &c->parcel, &berth->piece, berth->bytes, c->sum,
                      &c->wrong, &job->err);

    if (rc < 0)
        journal_doubt(s->run, &job->err);
    return rc;
}

static int end_put(struct job *job, struct err *err)
{
    struct berth *berth = job->owner;
    struct consignment *c = berth->consignment;
    struct carrier *s = c->owner;
    bool good = job->rc == 0 && !c->wrong;

    c->working = false;
    c->flying--;
    c->expected++;
    berth->state = good ? BERTH_KEPT : BERTH_FREE;
    if (!good && c->state == CONSIGNMENT_TAKING)
        consignment_enter(c, CONSIGNMENT_SPOILED);
    if (job->rc < 0 && carrier_fail(s, &job->err, err) < 0)
        return -1;
    return taker_arrived(s, c, err);
}

/* A full one of that consignment: the one that is to be written next, or any, if nothing is
 * written any more. */
static struct berth *full_of(struct carrier *s, const struct consignment *c)
{
    for (uint32_t i = 0; i < s->berths.count; i++) {
        struct berth *berth = &s->berths.berth[i];

        if (berth->state == BERTH_FULL && berth->consignment == c &&
            (c->state == CONSIGNMENT_SPOILED || berth->piece.number == c->expected))
            return berth;
    }
    return NULL;
}

/* One piece after the other: a part continues the checksum of the one before. */
int taker_arrived(struct carrier *s, struct consignment *c, struct err *err)
{
    struct berth *berth;

    if (s->failed && c->state == CONSIGNMENT_TAKING)
        consignment_enter(c, CONSIGNMENT_SPOILED);
    while (!c->working && (berth = full_of(s, c))) {
        if (c->state == CONSIGNMENT_SPOILED) {
            berth->state = BERTH_FREE;
            c->flying--;
            continue;
        }
        c->working = true;
        berth->job = (struct job){ .run = run_put, .done = end_put, .owner = berth };
        pool_submit(s->pool, &berth->job, POOL_ORDINARY);
    }
    return end_if_taken(s, c, err);
}

static int take_piece(struct carrier *s, struct consignment *c, struct berth *berth,
                      const struct piece *piece, struct err *err)
{
    struct passage *passage;
    struct msg msg = { .kind = MSG_TAKE,
                       .ticket = c->parcel.ticket,
                       .segment = piece_segment(&c->parcel, piece->place),
                       .segments = piece->segments,
                       .units = s->number++ % FABRIC_NUMBERS };
    const struct passage taken = {
        .consignment = c, .piece = *piece, .rank = c->from, .number = msg.units
    };

    berth->consignment = c;
    consignment_asked(c, &s->run->segments, s->berths.size, piece);
    if (passages_add(&s->passages, &taken, &passage, err) < 0 ||
        passages_begin(&s->passages, passage, berth, err) < 0)
        return -1;
    return mail_send(&s->run->ranks, c->from, &msg, err);
}

/* What others offer, the oldest first, as long as there is memory for it. */
int taker_step(struct carrier *s, bool *moved, struct err *err)
{
    for (struct consignment *c = s->first; c && !s->failed; c = c->next) {
        struct piece piece;

        while (c->from >= 0 && c->flying < TAKER_AHEAD && passages_room(&s->passages) &&
               consignment_next(c, &s->run->segments, s->berths.size, &piece)) {
            struct berth *berth = berths_take(&s->berths, true, c->parcel.ticket, &piece);

            if (!berth)
                return 0;
            *moved = true;
            if (take_piece(s, c, berth, &piece, err) < 0)
                return -1;
        }
    }
    return 0;
}
