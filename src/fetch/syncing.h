/* fetch/syncing.h -- which files this rank has written to, and when the disk is asked for
 * them: every so many bytes while the run goes on, and at its end. The journal hears of
 * both, so that a sync that fails costs no more than what came after the last good one.
 *
 * Life cycle   syncing_open; syncing_touch as segments land; syncing_step each turn;
 *              syncing_end once the pool has nothing of it any more; syncing_release,
 *              which takes a zeroed struct as well.
 * Threads      syncing_touch on any, the others on the main thread or one that works for
 *              it meanwhile. */
#ifndef FETCH_SYNCING_H
#define FETCH_SYNCING_H

#include <stdatomic.h>

#include "fetch/store.h"
#include "io/pool.h"

enum {
    SYNCING_ONE_BY_ONE = 64, /* most files before the whole file system is synced first */
    SYNCING_LEASES = 32      /* of full size that land between two syncs, ... */
};

/* ... unless they are longer than 128 MiB. */
static const uint64_t syncing_most = UINT64_C(4) << 30;

struct syncing {
    struct run *run;
    const struct store *store;
    struct pool *pool;
    atomic_uchar *touched;      /* a bit for each file */
    atomic_uint_fast64_t bytes; /* landed since the last sync began */
    uint8_t *batch; /* the bits that are being synced; the pool's while running */
    int tree;       /* opened before anything is written, or -1: for its file system */
    bool running;
    struct job job;
};

int syncing_open(struct syncing *syncing, struct run *run, const struct store *store,
                 struct pool *pool, struct err *err);
void syncing_release(struct syncing *syncing);

/* So many bytes of a file are where they belong. Before they are noted in the journal:
 * what it has noted before a sync must be part of it. */
void syncing_touch(struct syncing *syncing, uint32_t file, uint64_t bytes);

/* Begin a sync on the pool if it is time. Its failure is one of pool_reap. */
void syncing_step(struct syncing *syncing);

/* Wait until the disk has all that was written here. */
int syncing_end(struct syncing *syncing, struct err *err);

#endif
