/* staging/manifest_write.h -- writes what staging/manifest.h reads. Rank 0 only.
 *
 *     manifest.json   as docs/publish.md says
 *     SHA256SUMS      for sha256sum -c
 *
 * Memory       bounded: both are written piece by piece. */
#ifndef STAGING_MANIFEST_WRITE_H
#define STAGING_MANIFEST_WRITE_H

#include "staging/manifest.h"

/* Both files in dir, with the digests in existing, and the content id. dir may be NULL:
 * only the content id is wanted. beside: they name the staged tree by its identity. */
int manifest_write(const struct run *run, const struct existing_file *existing,
                   const struct fs_dir *dir, bool beside, const char *identity,
                   char content_id[65], struct err *err);

/* The name of this run, as it is written there. */
const char *manifest_run(const struct run *run);

#endif
