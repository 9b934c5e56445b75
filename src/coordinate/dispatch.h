/* coordinate/dispatch.h -- rank 0: sends to the ranks what the scheduler and
 * the relay decide.
 *
 * A grant of a file that needs a signed URL waits here until the locator has one;
 * everything else is sent at once. */
#ifndef COORDINATE_DISPATCH_H
#define COORDINATE_DISPATCH_H

#include "coordinate/locator.h"
#include "core/sched/relay.h"
#include "core/sched/sched.h"

struct parked;

struct dispatch {
    struct run *run;
    struct sched *sched; /* borrowed, as are the next three */
    struct relay *relay;
    struct locator *locator;
    struct resume *resume; /* what former runs left, for ranks to check; or NULL */
    struct parked *parked;
};

/* Send all that sched_next and relay_next return. *moved is set if there was anything. */
int dispatch_segments(struct dispatch *dispatch, bool *moved, struct err *err);
int dispatch_hashes(struct dispatch *dispatch, bool *moved, struct err *err);

/* Send parked grants whose signed URLs have become known. */
int dispatch_located(struct dispatch *dispatch, bool *moved, struct err *err);

/* What a rank was to check or to read in place of asking the source is bad, or not there: what
 * a former run left, or else what lies nearby. */
void dispatch_lost(struct dispatch *dispatch, uint32_t segment);

/* The same message to every rank. A rank that it cannot be sent to is skipped: its loss
 * is noticed by ranks/liveness.h. */
void dispatch_all(struct dispatch *dispatch, const struct msg *msg);

void dispatch_release(struct dispatch *dispatch);

#endif
