/* fetch/ahead.h -- hashes files from memory while they arrive. Whoever knows the midstate
 * at a place of a file can go on from there with the bytes that come in behind it: the
 * start of a file needs nobody's word, nor does what follows on what was hashed here. What
 * the relay asks for (core/sched/relay.h) is done already then, as far as its midstate is
 * the one that was come by here; anything else is hashed from the relay's, and what is not
 * in memory any more is read.
 *
 * Life cycle   ahead_open; ahead_begin as a transfer begins, ahead_more as its buffers
 *              fill, ahead_drop for bytes that do not land; ahead_has or ahead_finish for
 *              what has landed, then ahead_more; ahead_release once the pool has no job of
 *              it.
 * Threads      ahead_finish on a pool thread, the others on the main thread. */
#ifndef FETCH_AHEAD_H
#define FETCH_AHEAD_H

#include "fetch/buffers.h"
#include "fetch/store.h"
#include "io/sha256.h"

enum {
    AHEAD_STRANDS = 64, /* files that are hashed at a time */
    AHEAD_MARKS = 128   /* ends of segments: of what was asked for, and ahead of it */
};

/* The hash of a file as far as it has come here. */
struct ahead_strand {
    bool used;
    bool queued;  /* a job on the pool will look for it */
    bool running; /* a thread is at it: state, ended and sha256 are the thread's */
    bool wanted;  /* another thread waits for it */
    bool gone;    /* the thread is the last to know of it */
    bool whole;   /* it began with the file */
    bool ended;   /* the digest is sha256 */
    uint32_t file;
    uint64_t asked;        /* up to here by the relay */
    uint64_t reached;      /* by the thread */
    uint64_t goal;         /* of the thread, if the relay has asked for that; or 0 */
    struct midstate state; /* where it is */
    struct midstate mark[AHEAD_MARKS]; /* where segments ended, by their numbers */
    uint8_t sha256[32];
};

struct ahead {
    struct run *run;
    struct buffers *buffers;
    struct pool *pool;
    struct lock lock; /* of the strands; told when one is not running any more */
    struct ahead_strand *strand;
    unsigned turn;           /* which one is given up first */
    struct ahead_run *first; /* jobs on the pool */
};

int ahead_open(struct ahead *ahead, struct run *run, struct buffers *buffers,
               struct pool *pool, struct err *err);
void ahead_release(struct ahead *ahead);

/* The bytes of [from, to) are about to come in. If they were here before, what was hashed
 * or kept of them does not count. */
void ahead_begin(struct ahead *ahead, uint32_t file, uint64_t from, uint64_t to);
void ahead_more(struct ahead *ahead, uint32_t file);

/* The bytes of [from, to) that came here are not those that land. */
void ahead_drop(struct ahead *ahead, uint32_t file, uint64_t from, uint64_t to);

/* What has landed, so many neighbours beginning with that segment, hashed on from *state,
 * which is what it ends with then; digest: not NULL if the file ends with it.
 * ahead_has: only if that is done already. ahead_finish: the rest of it; the pool's error
 * if that is to stop, or of reading. */
bool ahead_has(struct ahead *ahead, uint32_t segment, uint32_t count,
               struct midstate *state, uint8_t *digest);
int ahead_finish(struct ahead *ahead, const struct store *store, uint32_t segment,
                 uint32_t count, struct midstate *state, uint8_t *digest,
                 struct err *err);

#endif
