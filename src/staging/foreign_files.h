/* staging/foreign_files.h -- files in a published tree that mpifetch did not create. */
#ifndef STAGING_FOREIGN_FILES_H
#define STAGING_FOREIGN_FILES_H

#include "staging/record.h"

/* Whether a path below DEST is foreign: neither in the manifest nor one of the two files of
 * its record, nor, in a tree of an hf:// source, the Hub library's own metadata. */
bool foreign_files_is_one(const struct manifest *manifest, const char *path);

/* Whether it is one of the two files of that record, which lies inside its tree. */
bool foreign_files_is_record(const struct manifest *manifest, const char *path);

/* ERR_DEST with the first foreign file in tree, which is DEST or what it was before; 0 if
 * there is none, with --force, and if the manifest is empty. */
int foreign_files_refuse(const struct run *run, const struct manifest *manifest,
                         const char *tree, struct err *err);

/* Whether a tree that was published is more than its manifest says, so that it must not
 * be removed. *first is such a file, to be freed, or NULL: not all of it can be read. */
bool foreign_files_are_in(const struct record_tree *tree, char **first);

#endif
