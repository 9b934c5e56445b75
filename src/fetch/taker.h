/* fetch/taker.h -- what this node gets from others: the taking half of fetch/spreader.h. A
 * consignment is TAKING as it is added; once all of it is on the disk it is given on, and
 * GOT tells rank 0, or else MISSED.
 *
 * Errors       -1: as those of fetch/spreader.h. */
#ifndef FETCH_TAKER_H
#define FETCH_TAKER_H

#include "fetch/carrier.h"

/* An OFFER has come: MISSED, if it is out of date. */
int taker_begin(struct carrier *carrier, struct consignment *consignment,
                struct err *err);

/* A FENCE has come. */
int taker_fence(struct carrier *carrier, const struct msg *msg, struct err *err);

/* A piece of it has arrived, or was written: what is next is written. */
int taker_arrived(struct carrier *carrier, struct consignment *consignment,
                  struct err *err);

/* Ask for what others offer, as long as there is memory. *moved is set if any was. */
int taker_step(struct carrier *carrier, bool *moved, struct err *err);

/* End of a turn: send what was collected of GOT, and FENCED once it holds. */
int taker_send(struct carrier *carrier, struct err *err);

#endif
