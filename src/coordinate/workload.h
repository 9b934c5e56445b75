/* coordinate/workload.h -- rank 0: what the run has to fetch, and what it has from the start,
 * which the scheduler and the relay are told. */
#ifndef COORDINATE_WORKLOAD_H
#define COORDINATE_WORKLOAD_H

#include "coordinate/digests.h"

struct workload {
    uint64_t files, bytes; /* to fetch */
};

/* Existing files need no segment; an empty file needs none either, and must have the digest
 * of no bytes, or ERR_DIGEST. */
int workload_take(struct workload *workload, struct digests *digests, struct err *err);

#endif
