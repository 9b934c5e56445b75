/* fetch/recheck.h -- what former runs left on the disk of one of several nodes
 * (resume/resume.h), verified by its keeper before the first request, and put into the tree
 * of this run. Where a tree is shared, ranks do so one by one as segments are granted.
 *
 * Life cycle   recheck_open; recheck_one for each of `count` parts, on any thread;
 *              recheck_close. What is good has its checksum in sum then. */
#ifndef FETCH_RECHECK_H
#define FETCH_RECHECK_H

#include "core/state/msg.h"
#include "fetch/store.h"

struct recheck {
    struct run *run;
    struct store store;    /* only what lies at its final path */
    struct msg_item *part; /* that former runs left */
    size_t count;
    uint64_t *sum; /* of each segment: XXH3, if good */
    bool *good;    /* of each segment; in different bytes for different threads */
};

/* sum, good: of each segment, borrowed. */
int recheck_open(struct recheck *recheck, struct run *run, uint64_t *sum, bool *good,
                 struct err *err);
void recheck_close(struct recheck *recheck); /* takes a zeroed struct as well */

/* Wrong bytes are no error: they are fetched again. ERR_DEST if the disk fails. */
int recheck_one(struct recheck *recheck, size_t i, const struct pool *pool,
                struct err *err);

/* A file that lies in the tree, read once: the XXH3 of each of its segments, and its SHA-256. */
int recheck_file(const struct run *run, uint32_t file, const struct pool *pool,
                 uint64_t *sum, uint8_t sha256[32], struct err *err);

#endif
