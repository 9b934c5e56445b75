/* ranks/ranks.h -- the ranks of a run: who this one is among them, and what it needs to
 * speak and to agree with the others. Plain data that every call of this folder takes
 * first; app/session.c opens and closes it, and the units named beside a member are the
 * only ones that write it. */
#ifndef RANKS_RANKS_H
#define RANKS_RANKS_H

#include "base/log.h"
#include "io/mpi/comm.h"
#include "ranks/agree.h"
#include "ranks/liveness.h"

struct background;

struct ranks {
    struct comm *comm;
    int rank, size; /* of comm */
    struct log log;
    bool (*interrupted)(void *arg); /* did a signal come to this rank? */
    void *interrupted_arg;
    /* Rank 0, or NULL: what the worst error of a step really means, before all are told. */
    void (*explain)(void *arg, struct err *err);
    void *explain_arg;
    bool settled;                  /* what the run came to is certain: see agree_settle */
    struct agree agree;            /* agree.c */
    struct liveness liveness;      /* liveness.c, mail.c */
    struct background *background; /* background.c: the work that goes on, or NULL */
};

#endif
