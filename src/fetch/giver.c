#include "fetch/giver.h"

#include "ranks/mail.h"
#include "ranks/nodes.h"

static void end_if_given(struct carrier *carrier, struct consignment *c)
{
    if (c->state != CONSIGNMENT_GIVING ||
        !consignment_is_given(c, &carrier->run->segments, carrier->berths.size))
        return;
    consignment_enter(c, CONSIGNMENT_OVER);
    carrier_forget(carrier, c);
}

int giver_offer(struct carrier *carrier, struct consignment *c, struct err *err)
{
    struct ranks *ranks = &carrier->run->ranks;

    for (uint32_t i = 0; i < c->nrecipients; i++) {
        uint32_t at = c->recipient[i].at;
        struct msg msg = { .kind = MSG_OFFER };

        parcel_write(&c->parcel, at, MSG_OFFER, &msg, &carrier->blob);
        if (carrier->blob.failed)
            return err_memory(err, "a message");
        if (mail_send(ranks, nodes_keeper(ranks, c->parcel.tree[at].node), &msg, err) < 0)
            return -1;
    }
    end_if_given(carrier, c);
    return 0;
}

static int run_get(struct job *job)
{
    struct berth *berth = job->owner;
    const struct consignment *c = berth->consignment;
    const struct carrier *carrier = c->owner;

    return stow_get(&carrier->stow, &c->parcel, &berth->piece, berth->bytes,
                    &berth->wrong, &job->err);
}

/* What it reads wrong it does not have, unless something else was fetched: the node that takes
 * it finds that out by itself. */
static int say_forgot(struct carrier *carrier, const struct parcel *parcel,
                      const struct piece *piece, struct err *err)
{
    const struct carrier_told *told = &carrier->told;
    struct msg msg = { .kind = MSG_FORGOT };

    for (uint32_t i = 0; i < piece->segments; i++) {
        uint32_t segment = piece_segment(parcel, piece->place + i);
        bool old = carrier_is_fenced(carrier, parcel->ticket, segment);
        int known = old ? 1 : told->forgot ? told->forgot(told->arg, segment, err) : 0;

        if (known < 0)
            return -1;
        if (known == 0)
            msg.item[msg.nitems++] =
                (struct msg_item){ .segment = segment, .segments = 1 };
        if (msg.nitems == 0 || (msg.nitems < MSG_ITEMS && i + 1 < piece->segments))
            continue;
        if (mail_send(&carrier->run->ranks, 0, &msg, err) < 0)
            return -1;
        msg.nitems = 0;
    }
    return 0;
}

/* Whoever waits for the bytes gets those that are there. */
static int end_get(struct job *job, struct err *err)
{
    struct berth *berth = job->owner;
    const struct consignment *c = berth->consignment;
    struct carrier *carrier = c->owner;

    berth->state = BERTH_KEPT;
    if (job->rc < 0)
        return carrier_fail(carrier, &job->err, err);
    return berth->wrong && !carrier->failed
               ? say_forgot(carrier, &c->parcel, &berth->piece, err)
               : 0;
}

static void read_piece(struct carrier *carrier, struct consignment *c,
                       struct berth *berth)
{
    berth->state = BERTH_READING;
    berth->consignment = c;
    berth->job = (struct job){ .run = run_get, .done = end_get, .owner = berth };
    pool_submit(carrier->pool, &berth->job, POOL_URGENT);
}

/* What others have a place for. */
int giver_step(struct carrier *carrier, bool *moved, struct err *err)
{
    berths_ask(&carrier->berths, false);
    passages_walk(&carrier->passages);
    for (struct passage *passage = carrier->passages.first; passage;
         passage = passage->next) {
        struct consignment *c = passage->consignment;
        uint32_t ticket = c->parcel.ticket;
        struct berth *berth;

        if (!passage->to || passages_wait(&carrier->passages, passage) || passage->berth)
            continue;
        berth = berths_find(&carrier->berths, ticket, passage->piece.number);
        if (!berth) {
            berth = berths_take(&carrier->berths, false, ticket, &passage->piece);
            if (!berth)
                return 0;
            read_piece(carrier, c, berth);
            continue;
        }
        if (berth->state != BERTH_KEPT || !passages_room(&carrier->passages))
            continue;
        *moved = true;
        if (passages_begin(&carrier->passages, passage, berth, err) < 0)
            return -1;
    }
    return 0;
}

static int run_sum(struct job *job)
{
    struct consignment *c = job->owner;
    const struct carrier *carrier = c->owner;

    return stow_sum(&carrier->stow, &c->parcel, carrier->pool, &job->err);
}

static int end_sum(struct job *job, struct err *err)
{
    struct consignment *c = job->owner;
    struct carrier *carrier = c->owner;

    return job->rc < 0 ? carrier_fail(carrier, &job->err, err)
                       : giver_offer(carrier, c, err);
}

/* Those of what was there before the run are not known. */
static bool lacks_sums(const struct parcel *parcel)
{
    for (uint32_t i = 0; i < parcel->nsums; i++)
        if (parcel->sum[i] == 0)
            return true;
    return false;
}

int giver_begin(struct carrier *carrier, struct consignment *c, struct err *err)
{
    consignment_enter(c, CONSIGNMENT_GIVING);
    if (!lacks_sums(&c->parcel))
        return giver_offer(carrier, c, err);
    c->job = (struct job){ .run = run_sum, .done = end_sum, .owner = c };
    pool_submit(carrier->pool, &c->job, POOL_ORDINARY);
    return 0;
}

int giver_hear(struct carrier *carrier, int from, const struct msg *msg, struct err *err)
{
    struct consignment *c = carrier->first;
    struct passage given = { .rank = from, .number = msg->units }, *passage;
    uint32_t node = (uint32_t)nodes_of(&carrier->run->ranks, from);

    while (c && (c->parcel.ticket != msg->ticket || c->state != CONSIGNMENT_GIVING))
        c = c->next;
    given.consignment = c;
    for (uint32_t i = 0; c && i < c->nrecipients; i++)
        if (c->parcel.tree[c->recipient[i].at].node == node)
            given.to = &c->recipient[i];
    if (!given.to)
        return err_set(err, ERR_DEFECT, "node %u asks for ticket %u, which is not for it",
                       (unsigned)node, (unsigned)msg->ticket);
    if (consignment_ask(given.to, &c->parcel, &carrier->run->segments,
                        carrier->berths.size, msg->segment, err) < 0)
        return -1;
    given.piece = given.to->last;
    return passages_add(&carrier->passages, &given, &passage, err);
}

void giver_sent(struct carrier *carrier, struct consignment *c, struct recipient *to)
{
    to->sent++;
    end_if_given(carrier, c);
}
