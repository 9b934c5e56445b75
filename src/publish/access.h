/* publish/access.h -- whether this user can read what is there already. */
#ifndef PUBLISH_ACCESS_H
#define PUBLISH_ACCESS_H

#include "base/err.h"
#include "io/fs/fs_dir.h"

struct fs_info;

/* ERR_DEST if not, saying whose file it is and what helps. info: what a look at it has
 * shown. */
int access_check(const struct fs_dir *dir, const char *name, const struct fs_info *info,
                 struct err *err);

#endif
