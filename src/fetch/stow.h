/* fetch/stow.h -- a piece between memory and the disk of this node, checked on the way: what
 * comes from another node is written, and noted in the journal, only if it has the checksums
 * of its parcel; what is read for another is compared with them as well.
 *
 * Threads      all calls on a pool thread; of one parcel one at a time. */
#ifndef FETCH_STOW_H
#define FETCH_STOW_H

#include "core/state/piece.h"
#include "fetch/syncing.h"
#include "io/sha256.h"

struct stow {
    struct run *run;
    struct store *store;
    struct syncing *syncing;
};

/* Write it to its final path; files of one segment get their time and their metadata then.
 * *wrong: checksums differ, and it does not count. A part is written before that can be
 * known: sum is fed with each, and compared with the last. */
int stow_put(const struct stow *stow, const struct parcel *parcel,
             const struct piece *piece, const char *bytes, struct checksum *sum,
             bool *wrong, struct err *err);

/* Read it. *wrong: whole segments of it are not as the parcel says, but here they are. A
 * part is not compared. */
int stow_get(const struct stow *stow, const struct parcel *parcel,
             const struct piece *piece, char *bytes, bool *wrong, struct err *err);

/* Fill in the sums that are 0, by reading those segments. */
int stow_sum(const struct stow *stow, struct parcel *parcel, const struct pool *pool,
             struct err *err);

#endif
