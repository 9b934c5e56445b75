/* staging/foreign_files.h -- files in a published tree that mpifetch did not create. */
#ifndef STAGING_FOREIGN_FILES_H
#define STAGING_FOREIGN_FILES_H

#include "staging/record.h"

/* Whether a path below DEST is foreign: neither in the manifest nor one of the two files of
 * its record, or of one that cannot be read, nor, in a tree of an hf:// source, the Hub library's own metadata; nor
 * byte-code that Python has made of it, nor what NFS or FUSE keep of a removed file. */
bool foreign_files_is_one(const struct manifest *manifest, const char *path);

/* The same of what is there: also what has changed since its tree was found. */
bool foreign_files_is_kept(const struct manifest *manifest, const char *path,
                           const struct fs_info *info);

/* Whether it is one of the two files of that record, which lies inside its tree; of any
 * record if none was read. */
bool foreign_files_is_record(const struct manifest *manifest, const char *path);

struct existing;

struct foreign_files {
    const struct run *run;
    const struct manifest *manifest;
    /* A planned file is no foreign one if it is there; NULL: in any case. */
    const struct existing *existing;
    const char *doubt; /* that a refusal ends with, or "" */
};

/* ERR_DEST with the number of foreign files in tree, which is DEST or what it was before,
 * and one of them; 0 if there is none. Those that --ignore-extra names
 * do not count. */
int foreign_files_refuse(const struct foreign_files *files, const char *tree,
                         struct err *err);

/* Whether a tree that was DEST holds nothing but planned files that were found there, as they
 * were then, and what --ignore-extra names: then nothing else is lost with it, whoever
 * created it. */
bool foreign_files_all_found(const struct foreign_files *files, const struct fs_dir *dir,
                             const char *tree);

/* Whether --ignore-extra names it. */
bool foreign_files_is_ignored(const struct run *run, const char *path);

/* Whether a tree that was published is more than its manifest says, so that it must not
 * be removed. *first is such a file, to be freed, or NULL: not all of it can be read. */
bool foreign_files_are_in(const struct record_tree *tree, char **first);

#endif
