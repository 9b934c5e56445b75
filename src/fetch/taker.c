#include "fetch/taker.h"

#include "fetch/giver.h"
#include "ranks/mail.h"
#include "ranks/nodes.h"
#include "resume/journal.h"

enum { TAKER_AHEAD = 4 /* pieces of a parcel that are asked for at a time */ };

static int send_got(struct carrier *carrier, struct err *err)
{
    int rc = carrier->got->nitems > 0
                 ? mail_send(&carrier->run->ranks, 0, carrier->got, err)
                 : 0;

    carrier->got->nitems = 0;
    return rc;
}

static bool writes_fenced(const struct carrier *carrier)
{
    const struct consignment *c = carrier->first;

    while (c && !(c->fenced && c->working))
        c = c->next;
    return c != NULL;
}

/* GOT of what was older goes before it. */
int taker_send(struct carrier *carrier, struct err *err)
{
    const struct msg fenced = { .kind = MSG_FENCED };

    if (send_got(carrier, err) < 0)
        return -1;
    for (; carrier->fences > 0 && !writes_fenced(carrier); carrier->fences--)
        if (mail_send(&carrier->run->ranks, 0, &fenced, err) < 0)
            return -1;
    return 0;
}

/* File by file. */
static int tell_got(struct carrier *carrier, const struct parcel_run *run,
                    struct err *err)
{
    const struct segments *segments = &carrier->run->segments;
    uint32_t end = run->first + run->count;

    for (uint32_t next, first = run->first; carrier->told.got && first < end;
         first = next) {
        next = segments->first[segments->file[first] + 1];
        next = next < end ? next : end;
        if (carrier->told.got(carrier->told.arg, first, next - first, err) < 0)
            return -1;
    }
    return 0;
}

static int say_got(struct carrier *carrier, const struct consignment *c, struct err *err)
{
    for (uint32_t i = 0; i < c->parcel.nruns; i++) {
        const struct parcel_run *run = &c->parcel.run[i];

        store_found(carrier->stow.store, run->first, run->count);
        if (tell_got(carrier, run, err) < 0)
            return -1;
        carrier->got->item[carrier->got->nitems++] =
            (struct msg_item){ .segment = run->first, .segments = run->count };
        if (carrier->got->nitems == MSG_ITEMS && send_got(carrier, err) < 0)
            return -1;
    }
    return 0;
}

/* All of it, since none of it was passed on. */
static int say_missed(struct carrier *carrier, const struct consignment *c,
                      struct err *err)
{
    const struct ranks *ranks = &carrier->run->ranks;

    for (uint32_t i = 0; i < c->parcel.nruns; i++) {
        struct msg msg = { .kind = MSG_MISSED,
                           .ticket = c->parcel.ticket,
                           .node = (uint32_t)nodes_of(ranks, c->from),
                           .segment = c->parcel.run[i].first,
                           .segments = c->parcel.run[i].count,
                           .text = c->fenced
                                       ? "other bytes were fetched meanwhile"
                                       : "the bytes do not have the checksum that they "
                                         "had when they were fetched" };

        if (mail_send(&carrier->run->ranks, 0, &msg, err) < 0)
            return -1;
    }
    return 0;
}

static int end_if_taken(struct carrier *carrier, struct consignment *c, struct err *err)
{
    if (!consignment_has_come(c))
        return 0;
    if (c->state == CONSIGNMENT_TAKING) {
        consignment_enter(c, CONSIGNMENT_GIVING);
        return say_got(carrier, c, err) < 0 ? -1 : giver_offer(carrier, c, err);
    }
    if ((c->wrong || c->fenced) && !carrier->failed && say_missed(carrier, c, err) < 0)
        return -1;
    consignment_enter(c, CONSIGNMENT_OVER);
    carrier_forget(carrier, c);
    return 0;
}

static int run_put(struct job *job)
{
    struct berth *berth = job->owner;
    struct consignment *c = berth->consignment;
    const struct carrier *carrier = c->owner;
    int rc = stow_put(&carrier->stow, &c->parcel, &berth->piece, berth->bytes, c->sum,
                      &c->wrong, &job->err);

    if (rc < 0)
        journal_doubt(carrier->run, &job->err);
    return rc;
}

static int end_put(struct job *job, struct err *err)
{
    struct berth *berth = job->owner;
    struct consignment *c = berth->consignment;
    struct carrier *carrier = c->owner;
    bool good = job->rc == 0 && !c->wrong;

    c->working = false;
    c->flying--;
    c->expected++;
    berth->state = good ? BERTH_KEPT : BERTH_FREE;
    if (!good && c->state == CONSIGNMENT_TAKING)
        consignment_enter(c, CONSIGNMENT_SPOILED);
    if (job->rc < 0 && carrier_fail(carrier, &job->err, err) < 0)
        return -1;
    return taker_arrived(carrier, c, err);
}

/* A full one of that consignment: the one that is to be written next, or any, if nothing is
 * written any more. */
static struct berth *full_of(struct carrier *carrier, const struct consignment *c)
{
    for (uint32_t i = 0; i < carrier->berths.count; i++) {
        struct berth *berth = &carrier->berths.berth[i];

        if (berth->state == BERTH_FULL && berth->consignment == c &&
            (c->state == CONSIGNMENT_SPOILED || berth->piece.number == c->expected))
            return berth;
    }
    return NULL;
}

/* One piece after the other: a part continues the checksum of the one before. */
int taker_arrived(struct carrier *carrier, struct consignment *c, struct err *err)
{
    struct berth *berth;

    if (carrier->failed && c->state == CONSIGNMENT_TAKING)
        consignment_enter(c, CONSIGNMENT_SPOILED);
    while (!c->working && (berth = full_of(carrier, c))) {
        if (c->state == CONSIGNMENT_SPOILED) {
            berth->state = BERTH_FREE;
            c->flying--;
            continue;
        }
        c->working = true;
        berth->job = (struct job){ .run = run_put, .done = end_put, .owner = berth };
        pool_submit(carrier->pool, &berth->job, POOL_ORDINARY);
    }
    return end_if_taken(carrier, c, err);
}

static bool is_fenced(const struct carrier *carrier, const struct parcel *parcel)
{
    uint32_t at = 0;

    while (at < parcel->nsums &&
           !carrier_is_fenced(carrier, parcel->ticket, piece_segment(parcel, at)))
        at++;
    return at < parcel->nsums;
}

int taker_begin(struct carrier *carrier, struct consignment *c, struct err *err)
{
    if (!is_fenced(carrier, &c->parcel))
        return 0;
    c->fenced = true;
    consignment_enter(c, CONSIGNMENT_SPOILED);
    return taker_arrived(carrier, c, err);
}

int taker_fence(struct carrier *carrier, const struct msg *msg, struct err *err)
{
    uint32_t all = carrier->run->segments.count;

    for (uint32_t i = 0; i < msg->nitems; i++) {
        uint32_t first = msg->item[i].segment, count = msg->item[i].segments;

        if (first > all || count > all - first)
            return err_set(err, ERR_DEFECT, "a fence of segment %u, which does not exist",
                           (unsigned)first);
        for (uint32_t k = first; k < first + count; k++)
            carrier->fence[k] = msg->ticket;
    }
    carrier->fences++;
    for (struct consignment *next, *c = carrier->first; c; c = next) {
        next = c->next;
        if (c->state == CONSIGNMENT_TAKING && taker_begin(carrier, c, err) < 0)
            return -1;
    }
    return 0;
}

static int take_piece(struct carrier *carrier, struct consignment *c, struct berth *berth,
                      const struct piece *piece, struct err *err)
{
    struct passage *passage;
    struct msg msg = { .kind = MSG_TAKE,
                       .ticket = c->parcel.ticket,
                       .segment = piece_segment(&c->parcel, piece->place),
                       .segments = piece->segments,
                       .units = carrier->number++ % FABRIC_NUMBERS };
    const struct passage taken = {
        .consignment = c, .piece = *piece, .rank = c->from, .number = msg.units
    };

    berth->consignment = c;
    consignment_asked(c, &carrier->run->segments, carrier->berths.size, piece);
    if (passages_add(&carrier->passages, &taken, &passage, err) < 0 ||
        passages_begin(&carrier->passages, passage, berth, err) < 0)
        return -1;
    return mail_send(&carrier->run->ranks, c->from, &msg, err);
}

/* What others offer, the oldest first, as long as there is memory for it. */
int taker_step(struct carrier *carrier, bool *moved, struct err *err)
{
    berths_ask(&carrier->berths, true);
    for (struct consignment *c = carrier->first; c && !carrier->failed; c = c->next) {
        struct piece piece;

        while (
            c->from >= 0 && c->flying < TAKER_AHEAD &&
            passages_room(&carrier->passages) &&
            consignment_next(c, &carrier->run->segments, carrier->berths.size, &piece)) {
            struct berth *berth =
                berths_take(&carrier->berths, true, c->parcel.ticket, &piece);

            if (!berth)
                return 0;
            *moved = true;
            if (take_piece(carrier, c, berth, &piece, err) < 0)
                return -1;
        }
    }
    return 0;
}
