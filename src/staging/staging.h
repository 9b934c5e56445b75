/* staging/staging.h -- what rank 0 builds in the staging that claim_take has won:
 *
 *     run->staging.path, 0700
 *         tree               run->staging.tree: what is fetched lands in here
 *         kept/tree          what former runs left (resume/kept.h)
 *         kept/more/<n>      the same */
#ifndef STAGING_STAGING_H
#define STAGING_STAGING_H

#include "ranks/run.h"

/* Make the directory that stagings of this destination lie in, and open it as
 * run->staging.parent. */
int staging_open_parent(struct run *run, const char *path, struct err *err);

/* Open the directories of run->staging, whose path is set; those that were open are
 * closed. ERR_DEST if they are not this user's. A staging that another node has just made and that this one does not see yet is
 * waited for, at most 5 s. */
int staging_open(struct run *run, struct err *err);

/* The same of run->staging.hashed. */
int staging_open_hashed(struct run *run, struct err *err);

void staging_close(struct run *run); /* and forget its path */

/* Where a segment that a former run left lies; STAGING_KEPT + n: in kept/more/n. */
enum staging_where { STAGING_TREE, STAGING_KEPT };

/* ERR_DEST with the figures if run->staging.parent has no room for so many bytes in so many
 * files; with --per-node also if it is memory, of which there is too little. */
int staging_check_space(const struct run *run, uint64_t bytes, uint64_t files,
                        struct err *err);

/* The name of a file in tree: its path, or its entity tag in a cache. */
const char *staging_name(const struct run *run, uint32_t file);

/* That file in what former runs left, below run->staging.dir. where: from STAGING_KEPT
 * on. Returns name. */
const char *staging_kept_name(const struct run *run, uint32_t where, uint32_t file,
                              char name[FS_NAME]);

/* Make each directory above a planned file, below dir, which has none of them yet. made, or NULL, is called for each,
 * before anything is made in it. */
int staging_make_directories(const struct run *run, const struct fs_dir *dir,
                             int (*made)(void *arg, const char *name, struct err *err),
                             void *arg, struct err *err);

/* ERR_DEST with the first two files that would be one in run->staging.tree.path, because
 * its file system takes upper and lower case for the same. */
int staging_check_names(const struct run *run, struct err *err);

/* A file of several segments, made in its full size before ranks open it. */
int staging_place_large(const struct run *run, uint32_t file, struct err *err);

/* A file that was there before is not what it was: it is to come again, in a file of its own,
 * since the one in staging may be a link to that of readers. */
struct existing_file;
int staging_give_up(const struct run *run, uint32_t file, struct existing_file *known,
                    struct err *err);

#endif
