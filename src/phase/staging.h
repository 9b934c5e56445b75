/* phase/staging.h -- the directory in which rank 0 builds what is to be published: on the
 * destination's own file system, under a name that nobody looks for.
 *
 *     PARENT/PREFIXxxxxxx/   run->staging, 0700
 *         tree               run->tree: what is fetched lands in here
 *         spare              run->spare: private copies of ranks */
#ifndef PHASE_STAGING_H
#define PHASE_STAGING_H

#include "phase/run.h"

/* ERR_DEST with the figures if dir has no room for so many bytes in so many files. */
int staging_check_space(const struct run *run, const char *dir, uint64_t bytes,
                        uint64_t files, struct err *err);

/* Make all of the above; the tree gets 0777 less umask. After an error staging_discard
 * removes what was made. */
int staging_make(struct run *run, const char *parent, const char *prefix,
                 struct err *err);

/* Each directory above a planned file once, below dir, which ends in a slash. */
int staging_make_directories(const struct run *run, const char *dir, struct err *err);

/* ERR_DEST with the first two files that would be one in run->tree, because its file
 * system takes upper and lower case for the same. */
int staging_check_names(const struct run *run, struct err *err);

/* A file of several segments, made in its full size before ranks open it. */
int staging_place_large(const char *path, uint64_t size, struct err *err);

/* Remove all of it, whatever is in it. Nothing happens if none was made. */
void staging_discard(struct run *run);

#endif
