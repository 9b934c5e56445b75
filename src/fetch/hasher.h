/* fetch/hasher.h -- hashes the runs of segments that the relay hands to this rank, on the
 * pool. */
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

/* A job of this hasher is back: tell the coordinator, forget what need not be kept. Frees
 * it. */
int hasher_end(struct hasher *hasher, struct job *job, struct err *err);

/* Once the pool has let go of all jobs. */
void hasher_release(struct hasher *hasher);

bool hasher_owns(const struct job *job);

#endif
