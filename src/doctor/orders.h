/* doctor/orders.h -- calls that may hang, made by helper processes, and one step of all
 * ranks at a time.
 *
 * All ranks run the same code, so all know which nodes act in a step. The first rank of
 * such a node has one of its helpers (doctor/helper.h) make the call, with a deadline:
 * when that is over the helper is killed, the outcome is OUTCOME_SILENT, and a fresh
 * helper takes what comes next. Then the ranks agree, and each gets the answers of all,
 * so what follows from them is the same everywhere.
 *
 *     orders_give(orders, node, helper, ...)      once for each helper that is to act
 *     orders_carry_out(orders, err)               collective
 *     orders_answer(orders, node, helper)         until the next orders_carry_out
 *
 * Ownership    orders_close frees, and ends the helpers.
 * Errors       -1 and *err, the same on all ranks: a signal, a lost rank, no memory. What
 *              a call came to is no error. */
#ifndef DOCTOR_ORDERS_H
#define DOCTOR_ORDERS_H

#include "doctor/helper.h"
#include "ranks/run.h"

/* Of each rank: one may hold a lock while the other tries to get it. */
enum { ORDERS_HELPERS = 2 };

/* What one node answers. */
struct orders_answers {
    int node;
    struct answer of[ORDERS_HELPERS];
};

struct orders {
    struct run *run;
    int nodes;
    int *first; /* lowest rank of each node, the one that acts */
    struct orders_slot {
        struct helper *helper;
        bool given, busy;
        double until;
        struct order order;
    } slot[ORDERS_HELPERS]; /* of this rank */
    struct order spare;     /* takes what other ranks are given */
    struct orders_answers mine, *all;
    double agreed; /* when the ranks last agreed that all have done their part */
    bool full;     /* some answer was that no room is left */
};

int orders_open(struct orders *orders, struct run *run, struct err *err);

/* Not collective, and called by all ranks alike. The path counts on the rank that acts.
 * The order returned may get more members until orders_carry_out; never NULL. */
struct order *orders_give(struct orders *orders, int node, unsigned helper,
                          enum order_command command, const char *kind, const char *path,
                          ...) __attribute__((format(printf, 6, 7)));

/* Collective. Who was given nothing answers OUTCOME_NONE. */
int orders_carry_out(struct orders *orders, struct err *err);

const struct answer *orders_answer(const struct orders *orders, int node,
                                   unsigned helper);

/* Kills what is in hand on this rank: it would go on making what is to be removed. */
void orders_abandon(struct orders *orders);

/* This rank alone: a fresh helper removes path, which signals do not keep it from. 0, or
 * why it is still there. */
int orders_remove(struct orders *orders, const char *path);

void orders_close(struct orders *orders);

#endif
