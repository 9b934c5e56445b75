/* fetch/doubts.h -- files whose digest is wrong on this node: which of their segments are
 * not what they were as they came, by their checksums, on the pool.
 *
 * Life cycle   zeroed except for store, pool, found and arg; doubts_add; doubts_release once
 *              the pool has no job of it. */
#ifndef FETCH_DOUBTS_H
#define FETCH_DOUBTS_H

#include "fetch/store.h"

struct doubts {
    const struct store *store;
    struct pool *pool;
    /* On the main thread: so many neighbours, and whether each differs. */
    int (*found)(void *arg, uint32_t first, uint32_t count, const bool *differs,
                 struct err *err);
    void *arg;
    struct doubt *first; /* on the pool */
};

/* sums: as core/state/sums.h, copied. One that cannot be read differs. */
int doubts_add(struct doubts *doubts, uint32_t first, uint32_t count, const void *sums,
               struct err *err);

void doubts_release(struct doubts *doubts);

#endif
