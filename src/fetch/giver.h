/* fetch/giver.h -- what other nodes get from this one: the giving half of fetch/spreader.h.
 * A consignment is GIVING from giver_begin or giver_offer on, and ends by itself.
 *
 * Errors       -1: as those of fetch/spreader.h. */
#ifndef FETCH_GIVER_H
#define FETCH_GIVER_H

#include "fetch/carrier.h"

/* A TICKET has come: sum what has no checksum yet, then offer. */
int giver_begin(struct carrier *carrier, struct consignment *consignment,
                struct err *err);

/* It is GIVING: tell each recipient. */
int giver_offer(struct carrier *carrier, struct consignment *consignment,
                struct err *err);

/* TAKE: a recipient has a place for its next piece. */
int giver_hear(struct carrier *carrier, int from, const struct msg *msg, struct err *err);

/* A piece has left for that recipient. */
void giver_sent(struct carrier *carrier, struct consignment *consignment,
                struct recipient *to);

/* Read and send what is asked for. *moved is set if any was sent. */
int giver_step(struct carrier *carrier, bool *moved, struct err *err);

#endif
