/* publish/cache.h -- rank 0: layout hf-cache, the cache of the Hub's library. A repository
 * is looked up in it, and what is missing is staged inside the repository's folder
 * (docs/cache.md).
 *
 * Life cycle   cache_look; cache_stage.h and cache_commit.h unless all is there;
 *              cache_release. */
#ifndef PUBLISH_CACHE_H
#define PUBLISH_CACHE_H

#include "ranks/run.h"
#include "staging/existing.h"

enum cache_state {
    CACHE_FETCH, /* neither blob nor file is there */
    CACHE_TWIN,  /* the same content as an earlier file, which is fetched */
    CACHE_BLOB,  /* only the entry in the snapshot is missing */
    CACHE_SHOWN  /* the snapshot has it */
};

struct cache {
    struct run *run;
    const struct plan *whole; /* all that the commit holds, sealed; NULL: no record of it
                               * is to be written */
    struct existing existing;
    uint8_t *state;   /* of each file: enum cache_state */
    uint32_t *origin; /* of a CACHE_TWIN: the file that is fetched for it */
    char *folder;     /* ROOT/models--ns--name */
    char *trees;      /* folder/trees/<commit>.json, or NULL where whole is */
    char *ref;        /* folder/refs/<ref>, or NULL: a commit was asked for */
    char before[65];  /* what the ref said, or "" */
    bool commit_record_good, ref_good;
    bool copies; /* no symlinks here: files themselves stand in snapshots */
};

/* Find what is there. Sets run->published. Writes nothing. whole may be NULL. ERR_SOURCE
 * for a ref that could not be a path. */
int cache_look(struct cache *cache, struct run *run, const struct plan *whole,
               struct err *err);

/* Whether dir with name put behind it is a directory, or a symlink to one. */
bool cache_has(const char *dir, const char *name);

/* Whether file i is in the snapshot, whole as far as its size tells. */
bool cache_is_shown(const struct cache *cache, size_t i);

/* Whether the content of file i is among the blobs, whole as far as its size tells. */
bool cache_has_blob(const struct cache *cache, size_t i);

/* The file counts as missing after all; once that is said of all that do,
 * cache_find_twins. */
void cache_unfind(struct cache *cache, size_t i);

/* Of several files with one content that are to be fetched only the first is. */
int cache_find_twins(struct cache *cache, struct err *err);

/* The commit that a branch or tag stands for in the folder of a repository, or the commit
 * itself where revision is one; 41 bytes. */
int cache_commit_of(const char *folder, const char *revision, char *commit,
                    struct err *err);

/* The commit that the ref stands for at this moment, or that a snapshot is there for
 * where a commit was asked for; false: none. Any rank; out is 65 bytes. */
bool cache_peek(const struct run *run, char *out);

void cache_release(struct cache *cache);

#endif
