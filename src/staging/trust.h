/* staging/trust.h -- whose files and records are believed without being read: those of
 * this user, of root, of whoever owns the directory that they lie in (the members of a
 * group share what its store holds; of files in a tree: the one that the tree lies in), with
 * a cache also of whoever owns its root, and of those whom --trust names.
 *
 * Where the system maps owners (NFS, containers), so that this user's own files seem to
 * be another's, they are not believed either: then they are read. Rank 0 only. */
#ifndef STAGING_TRUST_H
#define STAGING_TRUST_H

#include "ranks/run.h"

struct trust {
    uint32_t *uid;
    size_t count;
};

/* Of what lies at a path, which may be NULL. ERR_USAGE for a user that does not exist. */
int trust_start(struct trust *trust, const struct run *run, const char *path,
                struct err *err);

bool trust_has(const struct trust *trust, uint32_t uid);
void trust_release(struct trust *trust);

#endif
