#include "doctor/orders.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/verdict.h"
#include "io/clock.h"
#include "io/guard.h"

/* Seconds. A call that should take no time hangs after the first. A lost rank is waited
 * for by nobody, so neither is a removal that may wait for the same server. */
static const double PATIENCE = 10, REMOVE_PATIENCE = 60, LOST_PATIENCE = 20;

static const double LOOK = 0.002; /* seconds between two looks at messages */

int orders_open(struct orders *orders, struct run *run, struct err *err)
{
    size_t most = (size_t)run->ranks.size;

    *orders = (struct orders){ .run = run, .agreed = clock_now() };
    orders->first = calloc(most, sizeof(*orders->first));
    orders->all = calloc(most, sizeof(*orders->all));
    if (!orders->first || !orders->all)
        return err_memory(err, "the list of nodes");
    /* Nodes are numbered by their lowest rank. */
    for (int rank = 0; rank < run->ranks.size; rank++)
        if (comm_node(run->ranks.comm, rank) == orders->nodes)
            orders->first[orders->nodes++] = rank;
    orders->mine.node = comm_node(run->ranks.comm, run->ranks.rank);
    return 0;
}

struct order *orders_give(struct orders *orders, int node, unsigned helper,
                          enum order_command command, const char *kind, const char *path,
                          ...)
{
    bool is_mine = orders->first[node] == orders->run->ranks.rank;
    struct orders_slot *slot = &orders->slot[helper];
    struct order *order = is_mine ? &slot->order : &orders->spare;
    va_list args;

    slot->given |= is_mine;
    *order = (struct order){ .command = command, .patience = PATIENCE };
    snprintf(order->kind, sizeof(order->kind), "%s", kind);
    va_start(args, path);
    vsnprintf(order->path, sizeof(order->path), path, args);
    va_end(args);
    return order;
}

/* The helper is of no use any more; the next order gets a fresh one. */
static void drop_helper(struct orders_slot *slot, struct answer *answer, int outcome)
{
    helper_kill(slot->helper);
    slot->helper = NULL;
    slot->busy = false;
    *answer = (struct answer){ .outcome = outcome };
}

static void begin_order(struct orders *orders, unsigned helper)
{
    struct orders_slot *slot = &orders->slot[helper];
    struct err fault = { 0 };

    slot->given = false;
    slot->busy = true;
    slot->until = clock_now() + slot->order.patience;
    if ((!slot->helper && helper_start(&slot->helper, &fault) < 0) ||
        helper_ask(slot->helper, &slot->order, &fault) < 0) {
        log_line(&orders->run->ranks.log, LOG_ERROR, "%s", fault.text);
        drop_helper(slot, &orders->mine.of[helper], OUTCOME_LOST);
    }
}

static void look_at(struct orders *orders, unsigned helper)
{
    struct orders_slot *slot = &orders->slot[helper];
    struct answer *answer = &orders->mine.of[helper];
    int heard = helper_hear(slot->helper, LOOK, answer);

    if (heard == 0 && clock_now() < slot->until)
        return;
    slot->busy = false;
    if (heard <= 0)
        drop_helper(slot, answer, heard < 0 ? OUTCOME_LOST : OUTCOME_SILENT);
    answer->seconds = clock_now() - orders->agreed;
}

/* This rank's part. */
static int carry_out_mine(struct orders *orders, struct err *err)
{
    bool busy = false;

    for (unsigned i = 0; i < ORDERS_HELPERS; i++) {
        orders->mine.of[i] = (struct answer){ .outcome = OUTCOME_NONE };
        if (orders->slot[i].given)
            begin_order(orders, i);
        busy |= orders->slot[i].busy;
    }
    while (busy) {
        if (agree_listen(&orders->run->ranks, err) < 0)
            return -1;
        busy = false;
        for (unsigned i = 0; i < ORDERS_HELPERS; i++) {
            if (orders->slot[i].busy)
                look_at(orders, i);
            busy |= orders->slot[i].busy;
        }
    }
    return 0;
}

static int add_answers(void *arg, int rank, const void *bytes, size_t len,
                       struct err *err)
{
    (void)rank;
    (void)err;
    strbuf_add(arg, bytes, len);
    return 0;
}

static int take_answers(struct orders *orders, const struct strbuf *bytes,
                        struct err *err)
{
    struct orders_answers one;

    for (size_t at = 0; at < bytes->len; at += sizeof(one)) {
        if (bytes->len - at < sizeof(one))
            return err_set(err, ERR_DEFECT, "the answers of ranks of another build");
        memcpy(&one, bytes->data + at, sizeof(one));
        orders->all[one.node] = one;
        for (unsigned i = 0; i < ORDERS_HELPERS; i++)
            orders->full |= verdict_is_full(one.of[i].outcome);
    }
    return 0;
}

/* What all have answered reaches all. */
static int exchange(struct orders *orders, bool acted, struct err *err)
{
    struct run *run = orders->run;
    struct strbuf bytes = { 0 };
    int rc;

    rc = agree_gather(&run->ranks, MSG_SEEN, &orders->mine,
                      acted ? sizeof(orders->mine) : 0, add_answers, &bytes, err);
    if (agree_share(&run->ranks, &bytes, err) < 0)
        rc = -1;
    if (rc == 0)
        rc = take_answers(orders, &bytes, err);
    strbuf_release(&bytes);
    return rc;
}

int orders_carry_out(struct orders *orders, struct err *err)
{
    bool acts = orders->slot[0].given || orders->slot[1].given;
    int rc = carry_out_mine(orders, err);

    for (int node = 0; node < orders->nodes; node++)
        for (unsigned i = 0; i < ORDERS_HELPERS; i++)
            orders->all[node].of[i] = (struct answer){ .outcome = OUTCOME_NONE };
    rc = agree_step(&orders->run->ranks, rc, err);
    orders->agreed = clock_now();
    return rc < 0 ? -1
                  : agree_step(&orders->run->ranks, exchange(orders, acts, err), err);
}

const struct answer *orders_answer(const struct orders *orders, int node, unsigned helper)
{
    return &orders->all[node].of[helper];
}

void orders_abandon(struct orders *orders)
{
    for (unsigned i = 0; i < ORDERS_HELPERS; i++)
        drop_helper(&orders->slot[i], &orders->mine.of[i], OUTCOME_LOST);
}

int orders_remove(struct orders *orders, const char *path)
{
    struct orders_slot *slot = &orders->slot[0];
    struct err fault = { 0 };

    slot->order = (struct order){ .command = ORDER_REMOVE };
    slot->order.patience =
        orders->run->ranks.liveness.lost ? LOST_PATIENCE : REMOVE_PATIENCE;
    snprintf(slot->order.path, sizeof(slot->order.path), "%s", path);
    begin_order(orders, 0);
    while (slot->busy) {
        guard_turn();
        agree_listen(&orders->run->ranks, &fault); /* and be heard */
        look_at(orders, 0);
    }
    return orders->mine.of[0].outcome;
}

void orders_close(struct orders *orders)
{
    for (unsigned i = 0; i < ORDERS_HELPERS; i++) {
        guard_turn();
        helper_end(orders->slot[i].helper);
    }
    free(orders->first);
    free(orders->all);
    *orders = (struct orders){ 0 };
}
