/* core/sched/credit.h -- which ranks can take work, the longest waiting first.
 *
 * A rank with credit is in the ring once, however much it has; after each unit it moves
 * to the end, so that the first to ask does not get everything. */
#ifndef CORE_SCHED_CREDIT_H
#define CORE_SCHED_CREDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { CREDIT_NOBODY = -1 };

struct credit {
    uint32_t *units; /* of each rank */
    bool *known;     /* the rank has asked before */
    int *ring;
    int nranks, head, waiting;
    uint32_t takers; /* ranks that ever asked and are not dropped */
};

int credit_init(struct credit *credit, int nranks, struct err *err);
void credit_release(struct credit *credit);

void credit_add(struct credit *credit, int rank, uint32_t units);

/* The i-th in the ring, i below waiting: the first waits longest. */
int credit_at(const struct credit *credit, int i);

/* One unit. Constant time for the first few in the ring. */
void credit_spend(struct credit *credit, int rank);

/* The rank takes no part any more. */
void credit_drop(struct credit *credit, int rank);

#endif
