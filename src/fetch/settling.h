/* fetch/settling.h -- the last steps of files of one segment that came from another node, on
 * the pool, many files at a time: the digest, from the disk, then the time and the Hub
 * library's metadata, after which nobody writes to them any more.
 *
 * Life cycle   zeroed except for store, syncing, pool, found and arg; settling_add for each
 *              file, settling_step each turn; settling_release once the pool has no job of
 *              it.
 * Errors       of the disk are those of pool_reap. */
#ifndef FETCH_SETTLING_H
#define FETCH_SETTLING_H

#include "fetch/syncing.h"

enum {
    SETTLING_JOBS = 2,       /* on the pool at a time */
    SETTLING_FILES = 64,     /* most files of one, ... */
    SETTLING_BYTES = 8 << 20 /* ... and bytes, after which there are no more of them */
};

struct settling_file {
    uint32_t file;
    bool hashes; /* else it has its time and metadata only */
    bool stale;  /* it was dropped meanwhile: the main thread's */
    bool wrong;  /* not what was announced */
    uint8_t sha256[32];
};

struct settling {
    const struct store *store;
    struct syncing *syncing;
    struct pool *pool;
    /* On the main thread. sha256 is NULL if the file was not to be hashed. */
    int (*found)(void *arg, uint32_t file, const uint8_t *sha256, bool wrong,
                 struct err *err);
    void *arg;
    struct settling_file *waiting; /* from next on */
    size_t next, count, room;
    unsigned jobs;
    struct settling_job *first; /* on the pool */
};

/* hashes: or take what it is for granted. */
int settling_add(struct settling *settling, uint32_t file, bool hashes, struct err *err);

/* It will come again: nothing is found of it. */
void settling_drop(struct settling *settling, uint32_t file);

int settling_step(struct settling *settling, struct err *err);

void settling_release(struct settling *settling);

#endif
