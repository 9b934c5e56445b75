/* staging/manifest.h -- what a record says of a published tree, and how it is read. Where
 * records lie, and which one is that of a tree: staging/record.h. Rank 0 only.
 *
 *     manifest.json   source, version, and of each file size, digest and mtime
 *                     (docs/publish.md)
 *
 * Memory       a file is read value by value: at most 400 bytes of memory a file for paths
 *              of ordinary length. */
#ifndef STAGING_MANIFEST_H
#define STAGING_MANIFEST_H

#include "io/fs/fs.h"
#include "io/fs/fs_identity.h"
#include "ranks/run.h"
#include "staging/existing.h"

/* In the directory of a record. */
#define MANIFEST_NAME "manifest.json"
#define MANIFEST_SUMS "SHA256SUMS"

enum {
    MANIFEST_FORMAT = 1,
    MANIFEST_RUN = 64 /* bytes: the longest name of a run, and its NUL */
};

struct manifest_file {
    const char *path, *oid, *etag;
    const char *place; /* of a file without digest: SHA-256 of its URL, in hex; else "" */
    uint64_t size;
    int64_t mtime_ns;
    uint8_t sha256[32];
};

struct manifest_text;

struct manifest {
    char identity[65];      /* of the plan that was published */
    char content_id[65];    /* SHA-256 of SHA256SUMS */
    char run[MANIFEST_RUN]; /* which published it; "" in a record without it */
    uint32_t uid;           /* whose the file is that this was read from */
    bool hub;               /* of an hf:// source */
    bool complete;          /* no pattern has left files of the source out */
    bool found; /* the files were there before: one that has changed since is not ours */
    const char *source;         /* as in the plan; NULL: the record does not say */
    const char *revision;       /* the commit; the same */
    const char *inside;         /* where in its tree it lies, or NULL: staging/record.c */
    struct fs_identity tree;    /* of a record beside: the directory that it describes */
    struct manifest_file *file; /* sorted by path; NULL: only the head was read */
    size_t nfiles, room;
    struct manifest_text *text; /* what its texts lie in */
};

/* Read DIR/RECORD/manifest.json. -1 and *err: it cannot be read, or is no manifest. */
int manifest_load(struct manifest *manifest, const struct fs_dir *dir, const char *record,
                  struct err *err);

/* All but the files. */
int manifest_load_head(struct manifest *manifest, const struct fs_dir *dir,
                       const char *record, struct err *err);

const struct manifest_file *manifest_find(const struct manifest *manifest,
                                          const char *path);

/* Whether that file of the old tree is the planned one as far as the record tells: same
 * size and digest, or validator. */
bool manifest_has(const struct manifest_file *file, const struct plan *plan,
                  size_t index);

/* Whether the file in that tree has size and mtime of the record. */
bool manifest_agrees(const struct manifest_file *file, const struct fs_dir *dir,
                     const char *tree);

/* Whether a path is in the record and, if its files were found, still as it says. */
bool manifest_owns(const struct manifest *manifest, const char *path,
                   const struct fs_info *info);

/* What place says of a file: a validator identifies a version at one URL only, and the URL
 * itself may hold a signature. false: out of memory. */
bool manifest_place_of(const struct plan *plan, size_t index, char hex[65]);

void manifest_release(struct manifest *manifest);

#endif
