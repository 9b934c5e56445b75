/* fetch/whole_hash.h -- digests of files of one segment that came from another node, from
 * the disk, on the pool, many files at a time.
 *
 * Life cycle   zeroed except for store, pool, found and arg; whole_hash_add for each file,
 *              whole_hash_step each turn; whole_hash_release once the pool has no job of it.
 * Errors       of the disk are those of pool_reap. */
#ifndef FETCH_WHOLE_HASH_H
#define FETCH_WHOLE_HASH_H

#include "fetch/store.h"

enum {
    WHOLE_HASH_JOBS = 2,       /* on the pool at a time */
    WHOLE_HASH_FILES = 64,     /* most files of one, ... */
    WHOLE_HASH_BYTES = 8 << 20 /* ... and bytes, after which there are no more of them */
};

struct whole_hash {
    const struct store *store;
    struct pool *pool;
    /* On the main thread; wrong: not what was announced. */
    int (*found)(void *arg, uint32_t file, const uint8_t sha256[32], bool wrong,
                 struct err *err);
    void *arg;
    uint32_t *waiting; /* files, from next on */
    size_t next, count, room;
    unsigned jobs;
    struct whole_hash_job *first; /* on the pool */
};

int whole_hash_add(struct whole_hash *hash, uint32_t file, struct err *err);

/* It will come again: nothing is found of it. */
void whole_hash_drop(struct whole_hash *hash, uint32_t file);

int whole_hash_step(struct whole_hash *hash, struct err *err);

void whole_hash_release(struct whole_hash *hash);

#endif
