/* resume/versions.h -- .NAME.versions beside a DEST that is a symlink. Others may be able
 * to write where DEST stands, so nothing goes into or out of it by a symlink of that
 * name, and of what lies there only that is a version which a manifest of ours vouches
 * for. */
#ifndef RESUME_VERSIONS_H
#define RESUME_VERSIONS_H

#include "base/err.h"

/* ERR_DEST where something else than a directory has the name; a missing one is fine. */
int versions_check(const char *dest, struct err *err);

/* Move what is there under that name to the path `to`, if it is a version: a directory
 * with a manifest of ours whose content id is the name, less a ".N" behind it. */
void versions_move(const char *dest, const char *name, const char *to);

#endif
