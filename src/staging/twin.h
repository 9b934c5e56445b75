/* staging/twin.h -- planned names that a file system takes for one: upper and lower case,
 * or two forms of one character. Which ones, only the file system knows: a name that is
 * about to be made for the first time and is there already is such a name. */
#ifndef STAGING_TWIN_H
#define STAGING_TWIN_H

#include "ranks/run.h"

/* A name of the plan in dir was to be made and is there: 0 if it was made before itself.
 * Else ERR_DEST with it and the name that was made. */
int twin_check(const struct run *run, const struct fs_dir *dir, const char *name,
               struct err *err);

/* Whether the name, which is there, is only another one for a file that the plan has as well:
 * ERR_DEST with both if so. Two links to one file are none. */
int twin_check_known(const struct run *run, const struct fs_dir *dir, const char *name,
                     struct err *err);

/* The same as twin_check if it is there; before it is made in a directory that nobody else writes to. */
int twin_check_fresh(const struct run *run, const struct fs_dir *dir, const char *name,
                     struct err *err);

#endif
