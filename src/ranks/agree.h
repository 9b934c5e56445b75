/* ranks/agree.h -- all ranks leave a step together, with the same result.
 *
 * Messages through rank 0 instead of MPI collectives: a rank that waits sleeps, and a
 * signal or a failure on any rank reaches rank 0 while it still works (agree_listen).
 * Steps are counted: the decision of another one is passed over. Rank 0 counts votes of
 * whatever step, as nobody votes again before it has the decision. A rank that is silent
 * for too long is given up (ranks/liveness.h): after that each call returns at once, with
 * its loss as the error; agree_step with 0 if all was settled before. */
#ifndef RANKS_AGREE_H
#define RANKS_AGREE_H

#include "base/err.h"
#include "base/strbuf.h"
#include "core/state/msg.h"

struct ranks;

struct agree {
    uint32_t step;
    int votes;           /* rank 0: heard in this step */
    bool told;           /* this rank has sent its abort */
    struct err worst;    /* rank 0: the error to return, if any */
    struct strbuf bytes; /* of the message being read */
    struct strbuf early; /* what came before it was asked for: shares that overtook the
                          * decision before them, as they come from other ranks; what is
                          * to be gathered, while rank 0 is still at work */
};

/* Collective. rc of this rank in; out the same on all ranks: 0, or -1 and the error of
 * the lowest rank that failed by itself (a rank that was merely interrupted counts less).
 */
int agree_step(struct ranks *ranks, int rc, struct err *err);

/* While a rank works alone between two steps, on the main thread: -1 and *err if a signal
 * came here, another rank gave up, or one is lost. Takes what others sent meanwhile. Work
 * in the background asks background_poll. */
int agree_listen(struct ranks *ranks, struct err *err);

/* What the run came to is certain, a publish for one: no abort that is under way and no
 * loss changes it. On each rank once it knows. */
void agree_settle(struct ranks *ranks);

/* Rank 0: a VOTE or ABORT that another loop received. */
void agree_hear(struct ranks *ranks, const struct msg *msg);

/* Collective. Bytes of rank 0 reach all, down a binary tree. */
int agree_share(struct ranks *ranks, struct strbuf *bytes, struct err *err);

/* Collective. Each rank's bytes reach rank 0, which calls take once for each rank; only
 * for itself if one is lost already. */
int agree_gather(struct ranks *ranks, enum msg_kind kind, const void *bytes, size_t len,
                 int (*take)(void *arg, int rank, const void *bytes, size_t len,
                             struct err *err),
                 void *arg, struct err *err);

void agree_release(struct agree *agree);

#endif
