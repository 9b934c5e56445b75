/* fetch/carrier.h -- what a keeper carries between its node and others: the common ground of
 * those who give (fetch/giver.h), who take (fetch/taker.h), and of what both are parts of
 * (fetch/spreader.h).
 *
 * Life cycle   carrier_open, carrier_close.
 * Threads      all calls on the main thread. */
#ifndef FETCH_CARRIER_H
#define FETCH_CARRIER_H

#include "fetch/passage.h"
#include "fetch/stow.h"

/* What others do as neighbours of a file come, or one turns out to be bad (1: rank 0 needs not
 * be told of that one). Either may be NULL. */
struct carrier_told {
    int (*got)(void *arg, uint32_t first, uint32_t count, struct err *err);
    int (*forgot)(void *arg, uint32_t segment, struct err *err);
    void *arg;
};

struct carrier {
    struct run *run;
    struct stow stow;
    struct pool *pool;
    struct carrier_told told;
    struct passages passages;
    struct berths berths;
    struct consignment *first, **last; /* in the order in which they came */
    unsigned number;                   /* of the next piece that is taken */
    struct msg *got;                   /* to be sent at the end of the turn */
    struct strbuf blob;                /* of the message that is being sent */
    bool failed;                       /* this node takes no further part */
    uint32_t *fence; /* of each segment: older tickets are out of date */
    unsigned fences; /* FENCE messages that are to be answered */
};

int carrier_open(struct carrier *carrier, const struct stow *stow, struct pool *pool,
                 const struct carrier_told *told, struct err *err);

/* Once the pool has no job of it. A zeroed one as well. What is under way is broken off. */
void carrier_close(struct carrier *carrier);

/* Takes over the consignment. */
void carrier_add(struct carrier *carrier, struct consignment *consignment);

/* A ticket of that number is out of date for that segment. */
bool carrier_is_fenced(const struct carrier *carrier, uint32_t ticket, uint32_t segment);

/* It is OVER: destroy it. */
void carrier_forget(struct carrier *carrier, struct consignment *consignment);

/* This node's disk has failed: nothing more is taken, and rank 0 hears of it, once. */
int carrier_fail(struct carrier *carrier, const struct err *why, struct err *err);

#endif
