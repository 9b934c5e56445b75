/* fetch/hasher.h -- hashes the runs of segments that the relay hands to this rank, on the
 * pool.
 *
 * Life cycle   zeroed but for run, store and pool; hasher_begin for each order, of whose
 *              end the coordinator is told; hasher_release once the pool has let go.
 * Errors       what cannot be read ends the run, as an error of pool_reap. */
#ifndef FETCH_HASHER_H
#define FETCH_HASHER_H

#include "fetch/store.h"
#include "io/pool.h"

struct hasher {
    struct run *run;
    struct store *store;
    struct pool *pool;
    struct hash_run *first; /* all that are on the pool */
};

/* Begin what a HASH message asks for. */
int hasher_begin(struct hasher *hasher, const struct msg *order, struct err *err);

void hasher_release(struct hasher *hasher);

#endif
