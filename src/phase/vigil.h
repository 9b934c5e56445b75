/* phase/vigil.h -- ranks that are given up because nothing is heard of them: rank 0
 * watches all others, and they watch rank 0 (core/silence.h).
 *
 * Life cycle   vigil_open once the ranks have found each other; then every loop that
 * waits takes its messages by vigil_take, which gives signs of life and looks for silence
 * on the way; vigil_close. A zeroed struct run watches nobody. Loss         vigil.lost:
 * nobody is waited for any more, each call of phase/agree.h returns at once, and the run
 * ends with vigil.loss; if what it came to was settled before (agree_settle), that
 * stands. */
#ifndef PHASE_VIGIL_H
#define PHASE_VIGIL_H

#include <stdbool.h>

#include "base/strbuf.h"
#include "core/msg.h"
#include "core/silence.h"

struct run;

struct vigil {
    struct silence silence;
    bool stages;     /* what this run fetches is kept for the next one */
    bool lost;       /* somebody is gone */
    bool told;       /* rank 0: the others know */
    int who;         /* the lost rank, where this one noticed it */
    struct err loss; /* its rank: who is to say it */
};

/* timeout: seconds. */
int vigil_open(struct run *run, double timeout, struct err *err);
void vigil_close(struct run *run);

/* The next message that is more than a sign of life. 1, 0: there is none, -1: one that
 * cannot be read, or somebody is lost. */
int vigil_take(struct run *run, struct strbuf *bytes, struct msg *msg, int *from,
               struct err *err);

/* Give a sign of life if one is due. vigil_take includes it; for those who cannot take.
 */
void vigil_speak(struct run *run);

/* Somebody is lost: 0 if what the run came to stands, else -1 and why. Rank 0 tells the
 * others, once. */
int vigil_end(struct run *run, struct err *err);

#endif
