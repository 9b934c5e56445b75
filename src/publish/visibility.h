/* publish/visibility.h -- each node polls until it sees what was published, since network
 * file systems cache names: after that the next step of the job finds it everywhere. */
#ifndef PUBLISH_VISIBILITY_H
#define PUBLISH_VISIBILITY_H

#include "ranks/run.h"

/* Identifies a state of the destination: in a cache by the commit, of a directory by one
 * file (publish/witness.h); "" if that does not exist. */
struct visibility_mark {
    char present[65];   /* of what this run published */
    char before[65];    /* of what was there just before */
    char file[FS_NAME]; /* of a directory: which file, below DEST */
};

/* The first rank of each node polls until it sees that state or a later one, at
 * most 30 s, or until a signal or a loss ends the wait; others return at once.
 * false: not seen. */
bool visibility_wait(struct run *run, const struct visibility_mark *mark);

#endif
