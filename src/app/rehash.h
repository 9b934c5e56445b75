/* app/rehash.h -- hashes existing files, by all ranks together. */
#ifndef APP_REHASH_H
#define APP_REHASH_H

#include "app/session_state.h"

/* Collective. Hashes the files of rank 0's plan: at their paths below tree, or by_etag in
 * tree, which is then the folder of a repository in a cache. skip[i].there on rank 0:
 * leave out file i. Afterwards skip[i].wrong says whether the digest differs from the
 * planned one or, if the source has none, from skip[i].sha256. tree is borrowed. */
int rehash_run(struct session *s, const char *tree, bool by_etag,
               struct existing_file *skip, struct err *err);

/* As rehash_run, by this rank alone, on a few threads: other nodes have something else
 * there. Not collective; in the background. */
int rehash_alone(struct run *run, const char *tree, struct existing_file *skip,
                 struct err *err);

/* As rehash_found, of the node's DEST by its keeper alone. In the background. */
int rehash_node(struct session *s, struct err *err);

/* Collective. Hash existing files at the destination before they are reused: those that
 * are unsure, with --check all. Those with a wrong digest count as missing, or are
 * refused (target_settle). */
int rehash_found(struct session *s, struct err *err);

#endif
