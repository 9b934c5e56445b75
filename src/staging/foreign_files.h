/* staging/foreign_files.h -- files in a published tree that no run put there: somebody's work.
 */
#ifndef STAGING_FOREIGN_FILES_H
#define STAGING_FOREIGN_FILES_H

#include "staging/manifest.h"

/* Whether a path below DEST is none of ours: neither in the record nor one of our own or
 * of the Hub library's files. */
bool foreign_files_is_one(const struct manifest *record, const char *path);

/* ERR_DEST with the first of them in that tree, as DEST was or is; 0 if there is none,
 * with --force, and if the record is empty. */
int foreign_files_refuse(const struct run *run, const struct manifest *record,
                         const char *tree, struct err *err);

#endif
