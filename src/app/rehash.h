/* app/rehash.h -- files hashed where they lie, by all ranks together. */
#ifndef APP_REHASH_H
#define APP_REHASH_H

#include "app/session_state.h"

/* Collective. Rank 0's plan is hashed at tree: below it, or with blobs in it as in the
 * folder of a repository in a cache. skip[i].there on rank 0: not that file. Afterwards
 * skip[i].wrong says what is not as planned; where the source has no digest, not as
 * skip[i].sha256. tree is borrowed. */
int rehash_run(struct session *s, const char *tree, bool blobs,
               struct existing_file *skip, struct err *err);

/* Collective. Hash what was found at the destination before it is taken over; what is
 * wrong counts as missing. */
int rehash_found(struct session *s, struct err *err);

#endif
