/* publish/visibility.h -- each node looks until it sees what was published, since network file
 * systems cache names: the next step of the job then finds it everywhere. */
#ifndef PUBLISH_VISIBILITY_H
#define PUBLISH_VISIBILITY_H

#include "ranks/run.h"

/* What tells one state of the destination from another; "" where nothing stands. */
struct visibility_mark {
    char present[65]; /* of what this run published */
    char before[65];  /* of what stood there just before */
};

/* The first rank of each node looks until it sees that state or a later one, at most 30
 * s, or until a signal or a loss ends the wait; others return at once. false: not seen.
 */
bool visibility_wait(struct run *run, const struct visibility_mark *mark);

#endif
