/* fetch/store.h -- where the bytes of a segment are on this rank.
 *
 * A segment has a home while it arrives, and a final path at the end.
 *
 *     home         with scratch          a file of its own in the rank's scratch
 *                  without, first copy   the staged file itself, at the segment's offset
 *                  without, duplicate    a file of its own in staging's spare directory:
 *                                        two ranks never write the same bytes of a file
 *     final path   the staged file; the segment lies at its offset there
 *
 * store_land copies from home to final path (nothing to do if they are the same). A
 * landed segment stays in scratch too until it is hashed, as long as the scratch budget
 * lasts. */
#ifndef FETCH_STORE_H
#define FETCH_STORE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "ranks/run.h"

enum { STORE_NAME = 32 };

struct journal;
struct pool;

struct store {
    struct run *run;
    struct journal *journal; /* NULL where nothing is staged */
    struct fs_dir scratch;   /* the rank's own, or not open: straight into staging */
    struct fs_dir snapshot, blobs; /* of the cache, where its files are hashed */
    uint64_t budget;               /* bytes of landed segments that may stay in scratch */
    uint64_t kept;                 /* bytes that do */
    uint8_t *at;                   /* of each segment: enum store_at */
    bool *scratched;               /* of each segment: its home is in scratch */
    atomic_bool full;              /* of scratch: no more homes there */
    atomic_bool buffered;          /* the kernel refused to write directly */
};

enum store_at { STORE_NOWHERE, STORE_FINAL, STORE_KEPT };

/* Choose scratch as decision D4 in docs/design.md. If there is no room for what is in
 * flight: ERR_DEST with the figures if the directory was given by the user, else the run
 * does without scratch. */
int store_open(struct store *store, struct run *run, struct err *err);
void store_close(struct store *store); /* removes the scratch directory */

/* A file, and where in it a segment begins. name may be text: it is not copied. */
struct store_place {
    const struct fs_dir *dir;
    const char *name;
    uint64_t offset;
    char text[STORE_NAME];
};

/* Choose where a segment arrives; then store_home tells. */
void store_begin(struct store *store, uint32_t segment, bool duplicate);

/* On a pool thread, after a write of this segment failed and errno says why: go on without
 * scratch, if that is full and the user has not asked for it. The home is another one then,
 * where the first `done` bytes are. false: not so. */
bool store_leave(struct store *store, uint32_t segment, bool duplicate, uint64_t done);

void store_home(const struct store *store, uint32_t segment, bool duplicate,
                struct store_place *home);
/* The offset is that of the file's start. */
void store_final(const struct store *store, uint32_t file, struct store_place *final);

/* On a pool thread: open for writing where a segment arrives, or the staged file. A file
 * of one segment is made with that, unless it was before: ERR_DEST if under another name
 * (staging/twin.h). */
int store_open_home(const struct store *store, uint32_t segment, bool duplicate,
                    const struct store_place *home, struct err *err);
int store_open_final(const struct store *store, uint32_t file,
                     const struct store_place *final, struct err *err);

/* Whether home and final path differ, so that a segment must be copied to land. */
bool store_copies(const struct store *store, uint32_t segment, bool duplicate);

/* On a pool thread: copy from home to final path, and check on the way that the disk
 * gives back what was written (checksum as taken when the bytes arrived). ERR_DEST if
 * not. */
int store_land(const struct store *store, uint32_t segment, bool duplicate,
               uint64_t checksum, struct err *err);

/* Whether the bytes of a segment are written, and read again, past the page cache where
 * that suits (io/fs/fs_direct.h): those of large files. */
bool store_direct(const struct store *store, uint32_t segment);

/* The kernel refused: all goes through the page cache from here on. */
void store_refused(struct store *store, const struct store_place *place);

/* On a pool thread, before each batch of writes into what the rank holds open: -1 once
 * another run has taken the staging away. Whatever is opened by its name finds that out
 * by itself. */
int store_check(const struct store *store, uint32_t segment, bool duplicate,
                struct err *err);

/* After that, on the main thread: the segment lies at its final path. */
void store_landed(struct store *store, uint32_t segment, bool duplicate);

/* The segment lay at its final path already, or a former run's bytes were put there. */
void store_found(struct store *store, uint32_t segment);

/* Forget a private copy, or a kept one that is hashed. */
void store_drop(struct store *store, uint32_t segment, bool duplicate);

/* On a pool thread: move the segment from where a former run left it (staging/staging.h)
 * to its final path, inside the kernel where that works. Then the bytes there must have
 * that checksum: ERR_SOURCE if they have not, or could not be read, unless the disk's
 * state is unsure (err->unsure). */
int store_recheck(const struct store *store, uint32_t segment, uint32_t where,
                  uint64_t checksum, const struct pool *pool, struct err *err);

/* Where to read a landed segment from, to hash it. */
void store_source(const struct store *store, uint32_t segment,
                  struct store_place *source);

#endif
