/* ranks/mail.h -- messages to other ranks, and *the* function that receives them: every loop
 * that waits takes its messages by mail_take, which gives signs of life and looks for
 * silence on the way.
 *
 * Loss         once a rank is lost (ranks/liveness.h) mail_take returns -1 and who it is. */
#ifndef RANKS_MAIL_H
#define RANKS_MAIL_H

#include "base/strbuf.h"
#include "core/state/msg.h"

struct ranks;

/* Encode and queue. */
int mail_send(struct ranks *ranks, int to, const struct msg *msg, struct err *err);

/* The next message that is more than a sign of life. 1, 0: there is none, -1: one that
 * cannot be read, or somebody is lost. */
int mail_take(struct ranks *ranks, struct strbuf *bytes, struct msg *msg, int *from,
              struct err *err);

/* Give a sign of life if one is due. mail_take includes it; for those who cannot take. */
void mail_speak(struct ranks *ranks);

/* Somebody is lost: 0 if what the run came to is settled, else -1 and why. Rank 0 tells
 * the others, once. */
int mail_end(struct ranks *ranks, struct err *err);

#endif
