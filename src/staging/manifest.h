/* staging/manifest.h -- the record of a published tree, in DEST/.mpifetch. Rank 0 only.
 *
 *     manifest.json   source, version, and of each file size, digest and mtime
 *                     (docs/publish.md)
 *     SHA256SUMS      for `cd DEST && sha256sum -c .mpifetch/SHA256SUMS`
 */
#ifndef STAGING_MANIFEST_H
#define STAGING_MANIFEST_H

#include "ranks/run.h"
#include "staging/existing.h"

struct fs_info;

struct manifest_file {
    char *path, *oid, *etag;
    char *place; /* of a file without digest: SHA-256 of its URL, in hex; else "" */
    uint64_t size;
    int64_t mtime_ns;
    uint8_t sha256[32];
};

struct manifest {
    char identity[65];          /* of the plan that was published */
    char content_id[65];        /* SHA-256 of SHA256SUMS */
    struct manifest_file *file; /* sorted by path */
    size_t nfiles;
};

/* Read the manifest of dest in dir (io/fs/fs_dir.h). -1 and *err if it cannot be read: then DEST is not ours. */
int manifest_load(struct manifest *manifest, const struct fs_dir *dir, const char *dest,
                  struct err *err);
const struct manifest_file *manifest_find(const struct manifest *manifest,
                                          const char *path);

/* Whether that file of the old tree is the planned one, unchanged on disk since it
 * was published: same size and digest (or validator), and the recorded mtime. *info is
 * what was seen on disk. */
bool manifest_same(const struct manifest_file *file, const struct plan *plan,
                   size_t index, const struct fs_dir *dir, const char *dest,
                   struct fs_info *info);
void manifest_release(struct manifest *manifest);

/* Write both files to tree/.mpifetch, with the digests in existing.
 * content_id: 65 bytes. */
int manifest_write(const struct run *run, const struct existing_file *existing,
                   const char *identity, char *content_id, struct err *err);

/* Only the content id of what is at dest; false: it cannot be read. */
bool manifest_peek(const struct fs_dir *dir, const char *dest, char *content_id);

enum { MANIFEST_RUN = 64 }; /* bytes: the longest name of a run, and its NUL */

/* The name of the run that wrote the manifest there; false: it cannot be read. */
bool manifest_run_of(const struct fs_dir *dir, const char *dest, char name[MANIFEST_RUN]);

/* Whether the manifest there was written by that run. */
bool manifest_is_by(const struct fs_dir *dir, const char *dest, const char *run);

/* The name of this run, as it is written to the manifest. */
const char *manifest_run(const struct run *run);

#endif
