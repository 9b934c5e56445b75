/* publish/rehearsal.h -- rank 0, layout dir: whether the visible step can work, found out
 * on DEST itself before anything is fetched, and without a trace.
 *
 * Errors       ERR_DEST where it cannot, which says why and what to do. */
#ifndef PUBLISH_REHEARSAL_H
#define PUBLISH_REHEARSAL_H

#include "core/plan/layout.h"
#include "ranks/run.h"

/* By looking alone, of a DEST that exists and that is to be replaced: nothing is mounted
 * there. A symbolic link that is not ours is refused as well, unless opt.force. */
int rehearsal_look(const struct run *run, enum layout_dest dest, struct err *err);

/* In the staging of the run: what may not be replaced or moved. Warns of a symbolic link
 * that others would not be able to follow. */
int rehearsal_step(const struct run *run, enum layout_dest dest, enum layout_step step,
                   struct err *err);

/* What the system answers (errno) to a rename of a directory DEST that must fail: the words
 * that follow the path in a refusal, or NULL if the step may work. Pure. */
const char *rehearsal_verdict(int reason, enum layout_step step);

#endif
