/* ranks/mail.h -- messages to other ranks, and the only function that receives
 * them: every loop that waits calls mail_take, which also sends signs of life and
 * checks for silence.
 *
 * Loss         once a rank is lost (ranks/liveness.h), mail_take returns -1
 *              and says which. */
#ifndef RANKS_MAIL_H
#define RANKS_MAIL_H

#include "base/strbuf.h"
#include "core/state/msg.h"

struct ranks;

/* Encode and queue. */
int mail_send(struct ranks *ranks, int to, const struct msg *msg, struct err *err);

/* The next message that is more than a sign of life. 1: there is one; 0: none; -1: one
 * that cannot be read, or a rank is lost. */
int mail_take(struct ranks *ranks, struct strbuf *bytes, struct msg *msg, int *from,
              struct err *err);

/* Send a sign of life if one is due, as mail_take does. For those who cannot receive. */
void mail_speak(struct ranks *ranks);

/* A rank is lost: 0 if the outcome of the run is settled, else -1 and why. Rank 0 tells
 * the others, once. */
int mail_end(struct ranks *ranks, struct err *err);

#endif
