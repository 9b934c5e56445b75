/* resume/versions.h -- .NAME.versions beside a DEST that is a symlink.
 *
 * Other users may be able to write to the directory of DEST. So a symlink of that
 * name is never followed, and only a directory with a matching manifest of ours
 * counts as a version. */
#ifndef RESUME_VERSIONS_H
#define RESUME_VERSIONS_H

#include "io/fs/fs_dir.h"

/* parent: what DEST lies in. ERR_DEST if the name belongs to something other than a directory; missing is fine. */
int versions_check(const struct fs_dir *parent, const char *dest, struct err *err);

/* After the same check; make: if it is missing. */
int versions_open(struct fs_dir *versions, const struct fs_dir *parent, const char *dest,
                  bool make, struct err *err);

/* Move what is there under that name to `to`, if it is a version: a directory with a
 * manifest of ours whose content id is the name, less a ".N" behind it. */
void versions_move(const struct fs_dir *versions, const char *name,
                   const struct fs_dir *to_dir, const char *to);

#endif
