/* publish/cache_ref.h -- which commit a branch or tag of the cache points to. Any rank. */
#ifndef PUBLISH_CACHE_REF_H
#define PUBLISH_CACHE_REF_H

#include "ranks/run.h"

/* The commit in a file of refs; 41 bytes. */
bool cache_ref_read(const char *path, char *commit);

/* The commit that a branch or tag points to in the folder of a repository, or revision
 * itself if it is a commit; 41 bytes. */
int cache_ref_commit(const char *folder, const char *revision, char *commit,
                     struct err *err);

/* The commit that the ref of the run points to at this moment; if a commit was asked for,
 * that one if its snapshot exists; false: none. out is 65 bytes. */
bool cache_ref_peek(const struct run *run, char *out);

#endif
