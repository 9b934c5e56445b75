/* doctor/desk.h -- orders of rank 0 to helper processes of any rank, and their answers.
 *
 * Each rank sits at a desk with two helpers (doctor/helper.h): one may hold a lock while the
 * other tries to get it. An order has a time in which it must be done. When that is over
 * its helper is killed, the answer is TRIAL_SILENT, and a fresh helper takes what comes
 * next: so no rank ever makes a call itself that may hang, and every order is answered.
 *
 *     rank 0                                  others
 *     desk_order ... desk_wait ...            desk_serve
 *     desk_close                              (returns)
 *
 * Ownership    desk_release frees; answers live until the next desk_order that follows a
 * desk_wait.
 * Errors       -1 and *err. What an order came to is no error of the desk. */
#ifndef DOCTOR_DESK_H
#define DOCTOR_DESK_H

#include "ranks/run.h"

enum { DESK_SEATS = 2 };

struct helper;

/* One order, on rank 0. */
struct errand {
    int rank;
    unsigned seat;   /* which of its helpers */
    double patience; /* seconds */
    struct strbuf order;
    bool answered;
    double at; /* when the answer came here, by the clock of rank 0 */
    int trial; /* doctor/verdict.h */
    struct strbuf bytes;
};

struct desk {
    struct run *run;
    struct seat {
        struct helper *helper;
        bool busy;
        uint32_t id; /* of the order in hand */
        double until;
        struct strbuf in;
    } seat[DESK_SEATS];
    struct errand *errand;
    size_t count, room;
    uint32_t first;   /* id of errand[0] */
    bool waited;      /* the next order begins a new list */
    bool failed;      /* out of memory */
    bool full;        /* an answer was that no room is left */
    bool unstoppable; /* signals are of no interest any more: it is being cleaned up */
    bool closed;      /* rank 0 has said so */
};

void desk_open(struct desk *desk, struct run *run);

/* Rank 0. One more order: words up to a NULL. It is sent by desk_wait. Of one list each
 * seat gets one: an order that finds its helper at work takes its place, since rank 0 has
 * then stopped waiting for that. */
void desk_order(struct desk *desk, int rank, unsigned seat, double patience, ...)
    __attribute__((sentinel));

/* Rank 0. All orders go out at once; returns when all are answered. ERR_INTERRUPTED after
 * a signal here, else what made another rank give up. */
int desk_wait(struct desk *desk, struct err *err);

/* Rank 0. The one order that was given is carried out; its answer, or NULL and *err. */
const struct errand *desk_wait_one(struct desk *desk, struct err *err);

/* Rank 0. An act with one word, by a fresh helper of this rank, without any message: for
 * when a rank is lost. What it came to, after so many seconds at most. */
int desk_alone(struct desk *desk, double patience, const char *act, const char *word);

/* Rank 0. The others leave desk_serve. */
int desk_close(struct desk *desk, struct err *err);

/* Other ranks: carry out what comes. ERR_INTERRUPTED if rank 0 is lost. */
int desk_serve(struct desk *desk, struct err *err);

void desk_release(struct desk *desk);

#endif
