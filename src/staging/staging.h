/* staging/staging.h -- what rank 0 builds in the staging that claim_take has won:
 *
 *     run->staging.path           mode 0700
 *         tree                    run->staging.tree: fetched files land here
 *         spare                   run->staging.private_dir: private copies of ranks
 *         kept/tree               what former runs left (resume/kept.h)
 *         kept/more/<n>           the same
 */
#ifndef STAGING_STAGING_H
#define STAGING_STAGING_H

#include "ranks/run.h"

/* Where a segment that a former run left lies; STAGING_KEPT + n: in kept/more/n. */
enum staging_where { STAGING_TREE, STAGING_KEPT };

/* ERR_DEST with the figures if dir has no room for so many bytes in so many files. */
int staging_check_space(const struct run *run, const char *dir, uint64_t bytes,
                        uint64_t files, struct err *err);

/* The name of a file in tree: its path, or its entity tag in a cache. */
const char *staging_name(const struct run *run, uint32_t file);

/* Append the path of that file in what former runs left. where: from STAGING_KEPT on. */
void staging_kept_path(const struct run *run, uint32_t where, uint32_t file,
                       struct strbuf *path);

/* Make each directory above a planned file, below dir, which ends in a slash. */
int staging_make_directories(const struct run *run, const char *dir, struct err *err);

/* ERR_DEST with the first two files that would be one in run->staging.tree, because its
 * file system does not distinguish upper and lower case. */
int staging_check_names(const struct run *run, struct err *err);

/* Make a file of several segments in its full size, before ranks open it. */
int staging_place_large(const char *path, uint64_t size, struct err *err);

#endif
