/* fetch/store.h -- where the bytes of segments are on this rank.
 *
 * Neighbours that are fetched together have one home while they arrive, and a final path
 * at the end; the first of them stands for all.
 *
 *     home         with scratch   a file of its own in the rank's scratch
 *                  without        the staged file itself, at the first one's offset
 *     final path   the staged file; each segment lies at its offset there
 *
 * store_land copies from home to final path (nothing to do if they are the same). Landed
 * segments stay in scratch too until they are hashed, as long as the scratch budget
 * lasts. */
#ifndef FETCH_STORE_H
#define FETCH_STORE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "fetch/scratch.h"

enum { STORE_NAME = 32 };

struct journal;
struct pool;

struct store {
    struct run *run;
    struct journal *journal; /* NULL where nothing is staged */
    struct scratch scratch;
    struct fs_dir snapshot, blobs; /* of the cache, where its files are hashed */
    uint64_t kept;                 /* bytes of landed segments that stay in scratch */
    uint8_t *at;                   /* of each segment: enum store_at */
    uint32_t *kept_with;           /* of each that is kept: the first in its file */
    bool *scratched;               /* of each first segment: the home is in scratch */
    atomic_bool full;              /* of scratch: no more homes there */
    atomic_bool buffered;          /* the kernel refused to write directly */
};

enum store_at { STORE_NOWHERE, STORE_FINAL, STORE_KEPT };

int store_open(struct store *store, struct run *run, struct err *err);
void store_close(struct store *store);

/* A file, and where in it a segment begins. name may be text: it is not copied. */
struct store_place {
    const struct fs_dir *dir;
    const char *name;
    uint64_t offset;
    char text[STORE_NAME];
};

/* Choose where so many neighbours arrive; then store_home tells. */
void store_begin(struct store *store, uint32_t first, uint32_t count);

/* On a pool thread, after a write to the home failed and errno says why: go on without
 * scratch, if that is full and the user has not asked for it. The home is another one then,
 * where the first `done` bytes are. false: not so. */
bool store_leave(struct store *store, uint32_t first, uint64_t done);

void store_home(const struct store *store, uint32_t first, struct store_place *home);
/* The offset is that of the file's start. */
void store_final(const struct store *store, uint32_t file, struct store_place *final);

/* On a pool thread: open for writing where segments arrive, or the staged file. A file
 * of one segment is made with that, unless it was before: ERR_DEST if under another name
 * (staging/twin.h). */
int store_open_home(const struct store *store, uint32_t first,
                    const struct store_place *home, struct err *err);
int store_open_final(const struct store *store, uint32_t file,
                     const struct store_place *final, struct err *err);

/* Whether home and final path differ, so that what arrived must be copied to land. */
bool store_copies(const struct store *store, uint32_t first);

/* On a pool thread: copy from home to final path, and check on the way that the disk
 * gives back what was written (checksum as taken when the bytes arrived). ERR_DEST if
 * not. */
int store_land(const struct store *store, uint32_t first, uint32_t count,
               uint64_t checksum, struct err *err);

/* Whether the bytes of a segment are written, and read again, past the page cache where
 * that suits (io/fs/fs_direct.h): those of large files. */
bool store_direct(const struct store *store, uint32_t segment);

/* The kernel refused: all goes through the page cache from here on. */
void store_refused(struct store *store, const struct store_place *place);

/* On a pool thread, before each batch of writes into files or directories that the rank
 * holds open: -1 once another run has taken the staging away. Whatever is opened by its
 * whole name finds that out by itself. */
int store_check(const struct store *store, uint32_t first, struct err *err);

/* After that, on the main thread: they lie at their final path. */
void store_landed(struct store *store, uint32_t first, uint32_t count);

/* They lay at their final path already, or a former run's bytes were put there. */
void store_found(struct store *store, uint32_t first, uint32_t count);

/* Forget what has arrived of these, which did not land. */
void store_drop(struct store *store, uint32_t first);

/* A segment is hashed: it need not be kept in scratch. In the order of the file. */
void store_hashed(struct store *store, uint32_t segment);

/* On a pool thread: move segments from where a former run left them (staging/staging.h)
 * to their final path, inside the kernel where that works. Then the bytes there must have
 * that checksum: ERR_SOURCE if they have not, or could not be read, unless the disk's
 * state is unsure (err->unsure). */
int store_recheck(const struct store *store, uint32_t first, uint32_t count,
                  uint32_t where, uint64_t checksum, const struct pool *pool,
                  struct err *err);

/* Where to read a landed segment from, to hash it. Returns how many out of count lie
 * there one behind the other, at least 1. */
uint32_t store_source(const struct store *store, uint32_t segment, uint32_t count,
                      struct store_place *source);

#endif
