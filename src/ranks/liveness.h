/* ranks/liveness.h -- notices the loss of a rank: rank 0 expects signs of life from all
 * others, and they expect them from rank 0 (core/state/silence.h). ranks/mail.h sends
 * them and checks for silence.
 *
 * Life cycle   liveness_open once the ranks have found each other; liveness_close. In a
 *              zeroed struct ranks nobody is watched.
 * Loss         once liveness.lost is set nobody is waited for any more, each call of
 *              ranks/agree.h returns at once, and the run ends with liveness.loss, unless
 *              its outcome was settled before (agree_settle). */
#ifndef RANKS_LIVENESS_H
#define RANKS_LIVENESS_H

#include <stdbool.h>

#include "core/state/msg.h"
#include "core/state/silence.h"

struct ranks;

struct liveness {
    struct silence silence;
    bool stages;     /* what this run fetches is kept for the next one */
    bool lost;       /* a rank is lost */
    bool told;       /* rank 0: the others know */
    int who;         /* the lost rank, where this one noticed it */
    struct err loss; /* loss.rank: which rank is to print it */
};

/* timeout: seconds. */
int liveness_open(struct ranks *ranks, double timeout, struct err *err);
void liveness_close(struct ranks *ranks);

/* This rank has noticed the loss of that one. */
void liveness_lose(struct ranks *ranks, int rank);

/* Write loss again: its text depends on whether the outcome is settled. */
void liveness_describe(struct ranks *ranks);

/* Rank 0 says that one is lost (MSG_LOST). -1 and the loss. */
int liveness_hear(struct ranks *ranks, const struct msg *msg, struct err *err);

#endif
