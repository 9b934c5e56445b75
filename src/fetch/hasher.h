/* fetch/hasher.h -- hashes the runs of segments that a relay assigns to this rank, that of
 * the coordinator or of the keeper of its node (fetch/proof.h), on the pool.
 *
 * Life cycle   zeroed except for run, store, pool and ahead; hasher_begin for each order,
 *              whose end is reported to the rank that gave it; hasher_release once the pool
 *              has no job of it.
 * Errors       a read error ends the run, as an error of pool_reap. */
#ifndef FETCH_HASHER_H
#define FETCH_HASHER_H

#include "fetch/ahead.h"

struct hasher {
    struct run *run;
    struct store *store;
    struct pool *pool;
    struct ahead *ahead;
    struct hash_run *first; /* all that are on the pool */
};

/* Begin what a HASH message of that rank asks for. */
int hasher_begin(struct hasher *hasher, int asker, const struct msg *order,
                 struct err *err);

void hasher_release(struct hasher *hasher);

#endif
