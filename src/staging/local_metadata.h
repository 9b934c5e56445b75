/* staging/local_metadata.h -- the Hub library's own metadata of a local directory, so
 * that snapshot_download(local_dir=...) finds everything up to date.
 *
 * Each file F has .cache/huggingface/download/F.metadata: commit, entity tag, time. It
 * counts only if the file's mtime is not later than that time, so both are the run's
 * mtime. All calls do nothing if the plan is not that of a Hub repository. */
#ifndef STAGING_LOCAL_METADATA_H
#define STAGING_LOCAL_METADATA_H

#include "ranks/run.h"

/* Whether a path below DEST is that of a file which the library keeps for itself. */
bool local_metadata_is_one(const char *path);

/* Whether this run writes metadata. */
bool local_metadata_wanted(const struct run *run);
/* Whether the node wants the file, and its name leaves room for ".metadata". Without it the
 * library just fetches the file again. */
bool local_metadata_fits(const struct run *run, uint32_t file);
/* Its name in run->staging.tree. Returns name. */
const char *local_metadata_name(const struct run *run, uint32_t file, char name[FS_NAME]);

/* Any rank, any thread, once the file has its final mtime, run->mtime or earlier. */
int local_metadata_write_file(const struct run *run, uint32_t file, struct err *err);

/* Rank 0: .gitignore and CACHEDIR.TAG. */
int local_metadata_write_fixed(const struct run *run, struct err *err);

#endif
