/* staging/headroom.h -- whether a node has the memory for a tree on a file system that is
 * memory itself, such as /dev/shm. Its size says little of that: what is written there counts
 * against the job, whose processes are killed once they have too much. */
#ifndef STAGING_HEADROOM_H
#define STAGING_HEADROOM_H

#include "io/memory.h"
#include "ranks/run.h"

enum { HEADROOM_RANK = 64 << 20 /* bytes that a rank may still take for itself */ };

/* With --per-node, by the keeper, before the first byte: ERR_DEST, with the figures and what
 * is short, unless there is memory for so many bytes more in DEST, or DEST is on a disk. */
int headroom_check(const struct run *run, uint64_t bytes, struct err *err);

/* What it says of that much memory, for so many ranks of the node. */
int headroom_judge(const struct memory_room *room, const char *dest, uint64_t bytes,
                   unsigned ranks, struct err *err);

#endif
