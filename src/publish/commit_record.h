/* publish/commit_record.h -- the Hub library's record of all files of a commit,
 * trees/<commit>.json in its cache:
 *
 *     {"format_version": 1, "files": {PATH: {"size", "blob_id", "lfs_sha256", "lfs_size",
 *                                            "xet_hash"}, ...}}
 *
 * blob_id is the git object id; the lfs_ members exist for files in LFS only. The library
 * ignores a record with an invalid member. */
#ifndef PUBLISH_COMMIT_RECORD_H
#define PUBLISH_COMMIT_RECORD_H

#include "core/plan/plan.h"

/* The text of the file for a plan of the whole commit, appended. */
int commit_record_text(const struct plan *whole, struct strbuf *text, struct err *err);

/* Each file of the record at path, as source/hub.c would list it. ERR_DEST if it
 * cannot be read or is not of this form; an error of visit is handed on. */
int commit_record_load(const char *path,
                       int (*visit)(void *arg, const struct plan_entry *entry,
                                    struct err *err),
                       void *arg, struct err *err);

#endif
