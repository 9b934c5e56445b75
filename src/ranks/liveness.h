/* ranks/liveness.h -- the loss of a rank that nothing is heard of: rank 0 watches all
 * others, and they watch rank 0 (core/state/silence.h). ranks/mail.h gives the signs of
 * life and looks for silence.
 *
 * Life cycle   liveness_open once the ranks have found each other; liveness_close. A
 *              zeroed struct ranks watches nobody.
 * Loss         liveness.lost: nobody is waited for any more, each call of ranks/agree.h
 *              returns at once, and the run ends with liveness.loss; if what it came to was
 *              settled before (agree_settle), that holds. */
#ifndef RANKS_LIVENESS_H
#define RANKS_LIVENESS_H

#include <stdbool.h>

#include "core/state/msg.h"
#include "core/state/silence.h"

struct ranks;

struct liveness {
    struct silence silence;
    bool stages;     /* what this run fetches is kept for the next one */
    bool lost;       /* somebody is gone */
    bool told;       /* rank 0: the others know */
    int who;         /* the lost rank, where this one noticed it */
    struct err loss; /* its rank: who is to say it */
};

/* timeout: seconds. */
int liveness_open(struct ranks *ranks, double timeout, struct err *err);
void liveness_close(struct ranks *ranks);

/* That rank is lost, as this one noticed by itself. */
void liveness_lose(struct ranks *ranks, int rank);

/* The sentence about the rank that is lost, anew: what it says depends on whether the
 * outcome is settled. */
void liveness_describe(struct ranks *ranks);

/* Rank 0 says that one is lost (MSG_LOST). -1 and the loss. */
int liveness_hear(struct ranks *ranks, const struct msg *msg, struct err *err);

#endif
