/* ranks/ranks.h -- the ranks of a run: which one this is, and what it needs to
 * communicate and to agree with the others. Plain data, the first argument of every call
 * of this folder. app/session.c opens and closes it; only the units named beside a
 * member write it. */
#ifndef RANKS_RANKS_H
#define RANKS_RANKS_H

#include "base/log.h"
#include "io/mpi/comm.h"
#include "ranks/agree.h"
#include "ranks/liveness.h"

struct background;
struct msg;

/* Who takes part in every loop that waits, on the main thread: turn is called in each round,
 * hear for each MSG_ASK, MSG_ASK_ON and MSG_ANSWER. */
struct mail_guest {
    void *arg;
    void (*turn)(void *arg);
    void (*hear)(void *arg, int from, const struct msg *msg);
};

struct ranks {
    struct comm *comm;
    int rank, size; /* of comm */
    struct log log;
    bool (*interrupted)(void *arg); /* did a signal come to this rank? */
    void *interrupted_arg;
    /* Rank 0, or NULL: may replace the worst error of a step before all ranks get it. */
    void (*explain)(void *arg, struct err *err);
    void *explain_arg;
    bool bound;               /* no signal counts: see agree_bind */
    bool settled;             /* the outcome is certain: see agree_settle */
    struct agree agree;       /* agree.c */
    struct liveness liveness; /* liveness.c, mail.c */
    /* nodes.c, where nodes were joined; else NULL, and they are those of comm. */
    int *node_of;   /* of each rank */
    int *keeper_of; /* of each node */
    int nodes;
    struct background *background; /* background.c: the work under way, or NULL */
    const struct mail_guest
        *guest; /* delegate.c on rank 0, errands.c on others; or NULL */
};

#endif
