/* ranks/agree.h -- all ranks leave a step together, with the same result.
 *
 * It uses messages through rank 0 instead of MPI collectives: a waiting rank sleeps, and
 * a signal or a failure on any rank reaches rank 0 while that still works (agree_listen).
 * Steps are counted: the decision of another step is ignored. Rank 0 counts votes of any
 * step, since nobody votes again before it has the decision. If a rank is lost
 * (ranks/liveness.h), each call returns at once with the loss as the error; agree_step
 * returns 0 if the outcome was settled before. */
#ifndef RANKS_AGREE_H
#define RANKS_AGREE_H

#include "base/err.h"
#include "base/strbuf.h"
#include "core/state/msg.h"

struct ranks;

struct agree {
    uint32_t step;
    int votes;           /* rank 0: received in this step */
    bool told;           /* this rank has sent its abort */
    struct err worst;    /* rank 0: the error to return, if any */
    struct strbuf bytes; /* of the message being read */
    /* Messages that arrived before they were asked for: shares, and what is for the worker,
     * which come from other ranks and may overtake the decision before them; and bytes to
     * gather, while rank 0 still works. */
    struct strbuf early;
};

/* Collective. rc is this rank's result; the return value is the same on all ranks: 0, or
 * -1 and the error of the lowest rank that failed by itself (one that was merely
 * interrupted counts less). */
int agree_step(struct ranks *ranks, int rc, struct err *err);

/* While a rank works alone between two steps, on the main thread: -1 and *err if this
 * rank got a signal, another failed, or one is lost. Receives messages. Work on another
 * thread calls background_poll instead. */
int agree_listen(struct ranks *ranks, struct err *err);

/* The outcome of the run is certain, after a publish for instance: no abort under way and
 * no loss changes it any more. On each rank as soon as it knows. */
void agree_settle(struct ranks *ranks);

/* Another outcome follows in the same call, that of its next source: nothing of it is
 * certain yet. On each rank, behind the last step of the one before. */
void agree_reopen(struct ranks *ranks);

/* On all ranks after the same step. Between the two calls ranks do, each in its place, what
 * cannot be undone and what all have agreed on: no signal ends that half done. */
void agree_bind(struct ranks *ranks);
void agree_unbind(struct ranks *ranks);

/* Rank 0: a VOTE or ABORT that another loop received. */
void agree_hear(struct ranks *ranks, const struct msg *msg);

/* Collective. Send bytes of rank 0 to all, down a binary tree. */
int agree_share(struct ranks *ranks, struct strbuf *bytes, struct err *err);

/* The same down another tree, of all or of some ranks. mine: this rank has the bytes.
 * child: the ranks below this one; from ranks->size on: none. */
int agree_share_down(struct ranks *ranks, struct strbuf *bytes, bool mine,
                     const int child[2], struct err *err);

/* Collective. Send the bytes of each rank to rank 0, which calls take once for each; only
 * for itself if a rank is lost already. */
int agree_gather(struct ranks *ranks, enum msg_kind kind, const void *bytes, size_t len,
                 int (*take)(void *arg, int rank, const void *bytes, size_t len,
                             struct err *err),
                 void *arg, struct err *err);

/* The next message to the worker of this rank that arrived in a step: OFFER, LANDED or HASH
 * of a rank that had the decision earlier. The worker asks before it receives any other. 1:
 * there is one; 0: none; -1: no memory. */
int agree_take_early(struct ranks *ranks, struct strbuf *bytes, struct msg *msg,
                     int *from, struct err *err);

void agree_release(struct agree *agree);

#endif
