/* publish/cache.h -- rank 0: layout hf-cache, the cache of the Hub's library. Finds which
 * files of a repository the cache has; what is missing is staged inside the repository's
 * folder (docs/cache.md).
 *
 * Life cycle   cache_look; publish/cache_stage.h and publish/cache_commit.h unless all
 *              files exist; cache_release. */
#ifndef PUBLISH_CACHE_H
#define PUBLISH_CACHE_H

#include "ranks/run.h"
#include "staging/existing.h"
#include "staging/hash_note.h"
#include "staging/trust.h"

enum cache_state {
    CACHE_FETCH, /* neither blob nor file is there */
    CACHE_TWIN,  /* the same content as an earlier file, which is fetched */
    CACHE_BLOB,  /* only the entry in the snapshot is missing */
    CACHE_SHOWN  /* it is in the snapshot */
};

struct cache {
    struct run *run;
    const struct plan *whole; /* all files of the commit, sealed; NULL: write no commit
                               * record */
    struct existing existing;
    uint8_t *state; /* of each file: enum cache_state */
    uint8_t *maybe; /* of each that is unsure: its state if it is right */
    struct trust trust;
    struct hash_note note; /* of the snapshot */
    int64_t began;         /* the look at its files; ns since 1970 */
    uint32_t *origin;      /* of a CACHE_TWIN: the file that is fetched for it */
    char *folder;          /* ROOT/models--ns--name */
    char *trees;           /* folder/trees/<commit>.json, or NULL if whole is */
    char *ref;             /* folder/refs/<ref>, or NULL: a commit was asked for */
    char before[65];       /* what the ref contained, or "" */
    bool commit_record_good, ref_good;
    bool copies; /* no symlinks here: snapshots hold the files themselves */
};

/* Find which files exist. Sets run->published. Writes nothing. whole may be NULL.
 * ERR_SOURCE for a ref that could not be a path. */
int cache_look(struct cache *cache, struct run *run, const struct plan *whole,
               struct err *err);

/* After the files that cache_look was unsure of, since their owner is not believed, have
 * been hashed, those that are wrong being marked. */
int cache_settle(struct cache *cache, struct err *err);

/* Whether dir followed by name is a directory, or a symlink to one. */
bool cache_has(const char *dir, const char *name);

/* Whether file i is in the snapshot (CACHE_SHOWN), or its content among the blobs
 * (CACHE_BLOB), with its full size. believed: and those whose it is are believed without
 * its being read (staging/trust.h). */
bool cache_finds(const struct cache *cache, size_t i, enum cache_state where,
                 bool believed);

/* The file counts as missing after all. Once all such files are marked, call
 * cache_find_twins. */
void cache_unfind(struct cache *cache, size_t i);

/* Of several missing files with the same content, mark all but the first
 * as CACHE_TWIN. */
int cache_find_twins(struct cache *cache, struct err *err);

void cache_release(struct cache *cache);

#endif
