#include "ranks/delegate.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sched/scout.h"
#include "core/state/msg.h"
#include "io/clock.h"
#include "ranks/hatch.h"
#include "ranks/mail.h"
#include "ranks/ranks.h"

/* Seconds until those who have not reached the source are asked again: the next time, and at
 * most. */
static const double FIRST_PAUSE = 10, LONGEST_PAUSE = 160;

struct delegate {
    struct ranks *ranks;
    struct hatch hatch;
    struct mail_guest guest;
    struct hatch_ask *first; /* requests that have not ended, oldest first */
    atomic_int rank;         /* the delegate; 0: none */
    bool searching;          /* with the first request */
    bool *has,
        *bad; /* of each rank: that it has that; that it was the delegate, and failed */
    struct scout scout;
    double not_before, pause; /* of the next search */
};

static struct hatch_ask **find(struct delegate *d, uint32_t number)
{
    struct hatch_ask **at = &d->first;

    while (*at && (*at)->number != number)
        at = &(*at)->next;
    return at;
}

static void end(struct delegate *d, struct hatch_ask **at, enum http_piece_kind kind,
                const void *bytes, size_t len)
{
    struct hatch_ask *ask = *at;

    *at = ask->next;
    hatch_end(&d->hatch, ask, kind, bytes, len);
}

/* A rank that it cannot be sent to is gone, and is noticed by its silence. */
static void send_ask(struct delegate *d, const struct hatch_ask *ask, int to)
{
    const struct msg msg = { .kind = MSG_ASK,
                             .ticket = ask->number,
                             .blob = ask->bytes.data,
                             .blob_len = ask->bytes.len };

    mail_send(d->ranks, to, &msg, NULL);
}

static void send_on(struct delegate *d, uint32_t number, int to, bool drop)
{
    const struct msg msg = { .kind = MSG_ASK_ON, .ticket = number, .at_once = drop };

    mail_send(d->ranks, to, &msg, NULL);
}

/* All that have it but one need not any more. */
static void end_search(struct delegate *d, int but)
{
    for (int i = 0; i < d->ranks->size; i++) {
        if (d->has[i] && i != but)
            send_on(d, d->first->number, i, true);
        d->has[i] = false;
    }
    d->searching = false;
}

static void choose(struct delegate *d, int rank)
{
    const struct ranks *ranks = d->ranks;

    end_search(d, rank);
    d->rank = rank;
    d->first->to = rank;
    d->pause = 0;
    hatch_steer(&d->hatch, true);
    log_line(&ranks->log, LOG_WARN,
             "%s does not reach the source: rank %d on %s asks it for rank 0",
             comm_host(ranks->comm, 0), rank, comm_host(ranks->comm, rank));
}

/* None of the nodes reaches the source. */
static void give_up(struct delegate *d)
{
    int others = comm_nodes(d->ranks->comm) - 1;
    char text[80];

    d->searching = false;
    memset(d->bad, 0, (size_t)d->ranks->size * sizeof(*d->bad));
    snprintf(text, sizeof(text), "nor does %s%d other node%s reach it",
             others == 1 ? "the " : "any of the ", others, others == 1 ? "" : "s");
    while (d->first)
        end(d, &d->first, HTTP_PIECE_NOBODY, text, strlen(text));
}

static void pause_search(struct delegate *d, double now)
{
    d->pause = d->pause > 0 ? 2 * d->pause : FIRST_PAUSE;
    if (d->pause > LONGEST_PAUSE)
        d->pause = LONGEST_PAUSE;
    d->not_before = now + d->pause;
}

static void search(struct delegate *d)
{
    double now = clock_now();
    int node;

    if (now < d->not_before) {
        give_up(d);
        return;
    }
    if (!d->searching) {
        d->searching = true;
        scout_begin(&d->scout, comm_nodes(d->ranks->comm), now);
    }
    while ((node = scout_next(&d->scout, now)) >= 0) {
        int rank = comm_node_lowest(d->ranks->comm, node);

        d->has[rank] = !d->bad[rank];
        if (d->bad[rank])
            scout_failed(&d->scout);
        else
            send_ask(d, d->first, rank);
    }
    if (scout_over(&d->scout)) {
        pause_search(d, now);
        give_up(d);
    }
}

static void drop(struct delegate *d, struct hatch_ask **at)
{
    struct hatch_ask *ask = *at;

    if (d->searching && ask == d->first)
        end_search(d, -1);
    else if (ask->to > 0)
        send_on(d, ask->number, ask->to, true);
    *at = ask->next;
    hatch_drop(&d->hatch, ask);
}

static void take_orders(struct delegate *d)
{
    struct hatch_order order;

    while (hatch_next(&d->hatch, &order)) {
        struct hatch_ask **at = find(d, order.number);

        if (order.kind == HATCH_ASK)
            *at = order.ask; /* behind all others */
        else if (*at && order.kind == HATCH_DROP)
            drop(d, at);
        else if (*at && (*at)->to > 0)
            send_on(d, order.number, (*at)->to, false);
    }
}

static void turn(void *arg)
{
    struct delegate *d = arg;

    take_orders(d);
    for (struct hatch_ask *ask = d->first; ask && d->rank > 0; ask = ask->next) {
        if (ask->to >= 0)
            continue;
        ask->to = d->rank;
        send_ask(d, ask, ask->to);
    }
    if (d->first && d->rank == 0)
        search(d);
}

/* It reaches the source no more, whatever it has. */
static void dismiss(struct delegate *d, int rank, uint32_t number)
{
    d->rank = 0;
    d->bad[rank] = true;
    hatch_steer(&d->hatch, false);
    for (struct hatch_ask *ask = d->first; ask; ask = ask->next) {
        if (ask->to != rank)
            continue;
        ask->to = -1;
        if (ask->number != number)
            send_on(d, ask->number, rank, true);
    }
}

static void failed(struct delegate *d, const struct hatch_ask *ask, int from)
{
    if (d->searching && ask == d->first && d->has[from]) {
        d->has[from] = false;
        scout_failed(&d->scout);
    } else if (ask->to == from) {
        dismiss(d, from, ask->number);
    }
}

static void answered(struct delegate *d, struct hatch_ask **at, const struct msg *msg)
{
    size_t len = (size_t)msg->blob_len;

    if (msg->whole) {
        d->bad[(*at)->to] = false;
        end(d, at, HTTP_PIECE_RESPONSE, msg->blob, len);
    } else if (len > 0 && !hatch_body(&d->hatch, *at, msg->blob, len)) {
        send_on(d, msg->ticket, (*at)->to, true);
        end(d, at, HTTP_PIECE_RESPONSE, "", 0); /* which is none */
    }
}

static void hear(void *arg, int from, const struct msg *msg)
{
    struct delegate *d = arg;
    struct hatch_ask **at = find(d, msg->ticket);

    if (msg->kind != MSG_ANSWER || !*at)
        return;
    if (msg->lost) {
        failed(d, *at, from);
        return;
    }
    if (d->searching && *at == d->first && d->has[from])
        choose(d, from);
    if ((*at)->to == from)
        answered(d, at, msg);
}

static void release(struct delegate *d)
{
    free(d->has);
    free(d->bad);
    free(d);
}

int delegate_open(struct delegate **out, struct ranks *ranks, struct http *http,
                  struct err *err)
{
    struct delegate *d;

    *out = NULL;
    if (comm_nodes(ranks->comm) < 2)
        return 0;
    d = calloc(1, sizeof(*d));
    if (!d)
        return err_memory(err, "the search for a way to the source");
    d->has = calloc((size_t)ranks->size, sizeof(*d->has));
    d->bad = calloc((size_t)ranks->size, sizeof(*d->bad));
    if (!d->has || !d->bad) {
        release(d);
        return err_memory(err, "the search for a way to the source");
    }
    d->ranks = ranks;
    d->guest = (struct mail_guest){ d, turn, hear };
    ranks->guest = &d->guest;
    hatch_open(&d->hatch, http);
    *out = d;
    return 0;
}

int delegate_rank(const struct delegate *d)
{
    return d ? d->rank : 0;
}

void delegate_move(struct delegate *d, struct ranks *ranks)
{
    if (d)
        d->ranks = ranks;
}

void delegate_close(struct delegate *d)
{
    if (!d)
        return;
    d->ranks->guest = NULL;
    while (d->first) {
        struct hatch_ask *ask = d->first;

        d->first = ask->next;
        hatch_forget(ask);
    }
    hatch_close(&d->hatch);
    release(d);
}
