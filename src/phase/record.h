/* phase/record.h -- what a published tree says of itself, in DEST/.mpifetch:
 *
 *     manifest.json  source, version, and of each file size, digest and mtime
 * (docs/publish.md) SHA256SUMS     for `cd DEST && sha256sum -c .mpifetch/SHA256SUMS`
 *
 * Rank 0 only. */
#ifndef PHASE_RECORD_H
#define PHASE_RECORD_H

#include "phase/inventory.h"
#include "phase/run.h"

struct record_file {
    char *path, *oid, *etag;
    char *place; /* of a file without digest: SHA-256 of its URL, in hex; else "" */
    uint64_t size;
    int64_t mtime_ns;
    uint8_t sha256[32];
};

struct record {
    char identity[65];        /* of the plan that was published */
    char content_id[65];      /* SHA-256 of SHA256SUMS */
    struct record_file *file; /* sorted by path */
    size_t nfiles;
};

/* Read DEST's manifest. A directory without a readable one is not ours: -1, and *err says
 * why. */
int record_load(struct record *record, const char *dest, struct err *err);
const struct record_file *record_find(const struct record *record, const char *path);

/* Whether that file of the old tree is the planned one, unchanged on disk since it was
 * published: same size and digest (or validator), and the mtime that was recorded. Then
 * *inode is its number. */
bool record_same(const struct record_file *file, const struct plan *plan, size_t index,
                 const char *dest, uint64_t *inode);
void record_release(struct record *record);

/* Both files into tree/.mpifetch, with the digests in known. content_id: 65 bytes. */
int record_write(const struct run *run, const struct known *known, const char *identity,
                 char *content_id, struct err *err);

/* Only the content id of what stands at dest now; false: none can be read. */
bool record_peek(const char *dest, char *content_id);

enum { RECORD_RUN = 64 }; /* bytes: the longest name of a run, and its NUL */

/* The name of the run that wrote the manifest there; false: none is told. */
bool record_run_of(const char *dest, char name[RECORD_RUN]);

/* Whether the manifest there was written by that run. */
bool record_is_by(const char *dest, const char *run);

/* The name of the run that builds in a staging, as the manifest has it. */
const char *record_run(const struct run *run);

#endif
