/* staging/manifest_write.h -- writes what staging/manifest.h reads. Rank 0 only.
 *
 *     manifest.json   as docs/publish.md says
 *     SHA256SUMS      for sha256sum -c
 *
 * Memory       bounded: both are written piece by piece. */
#ifndef STAGING_MANIFEST_WRITE_H
#define STAGING_MANIFEST_WRITE_H

#include "staging/manifest.h"

struct manifest_source {
    const struct run *run;                /* its plan and options */
    const struct existing_file *existing; /* the digests */
    const char *identity;                 /* of the plan */
    const struct fs_dir *tree;            /* what is described */
    const char *name;                     /* of the run that has built the tree */
    bool found;                           /* none has (publish/adopt.h) */
};

/* Both files in dir, and the content id. dir may be NULL: only the content id is wanted.
 * beside: they name the tree by its identity. */
int manifest_write(const struct manifest_source *source, const struct fs_dir *dir,
                   bool beside, char content_id[65], struct err *err);

/* The name of this run, as it is written there. */
const char *manifest_run(const struct run *run);

#endif
