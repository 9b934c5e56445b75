/* resume/versions.h -- .NAME.versions beside a DEST that is a symlink.
 *
 * Other users may be able to write to the directory of DEST. So a symlink of that
 * name is never followed, and only a directory with a matching record of ours
 * counts as a version. */
#ifndef RESUME_VERSIONS_H
#define RESUME_VERSIONS_H

#include <stdbool.h>

#include "staging/record.h"

/* parent: what DEST lies in. ERR_DEST if the name belongs to something other than a directory; missing is fine. */
int versions_check(const struct fs_dir *parent, const char *dest, struct err *err);

/* After the same check; make: if it is missing. */
int versions_open(struct fs_dir *versions, const struct fs_dir *parent, const char *dest,
                  bool make, struct err *err);

/* What is wrong with an entry, in words that follow "it"; NULL: it is a version that this
 * user may remove, a directory of his with a record of ours, in it or beside, whose content id is the name,
 * less a ".N" behind it. made: what this run has made on that file system. */
const char *versions_fault(const struct record_tree *version, const struct fs_dir *made);

/* Whether DEST leads to that version at this moment. */
bool versions_is_shown(const struct fs_dir *parent, const char *dest, const char *name);

/* A version is swept in two steps, since others may lead DEST to it at any time: it is
 * moved to staging/swept-NAME, and goes back if DEST leads to it then. Only what lies in
 * staging is removed, so that a kill leaves no half of a version. moved: FS_NAME bytes,
 * its name there. */
int versions_sweep(const struct fs_dir *versions, const char *name,
                   const struct fs_dir *staging, char *moved, struct err *err);

/* Whether that is the name of a version that was swept. */
bool versions_are_swept_to(const char *moved);

/* Once none of those in staging goes back or has files of others: before it is removed each
 * gets a name that is not of a swept one, since nothing in what a kill leaves of it may say
 * whose it is. */
void versions_free(const struct fs_dir *staging);

/* Back to its name, if DEST leads to it and nothing else has the name. 1: it is back; 0:
 * DEST does not lead to it; -1: it does, or that cannot be found out, but it still lies in
 * staging, where it must stay: *err says where and why. */
int versions_put_back(const struct fs_dir *parent, const char *dest,
                      const struct fs_dir *staging, const char *moved, struct err *err);

#endif
