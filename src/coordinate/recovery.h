/* coordinate/recovery.h -- rank 0: what is done about segments whose attempts failed. It
 * counts attempts, asks core what follows, and does that: again later, with another URL,
 * after a pause of the job, or the file whole where its server cuts no ranges.
 *
 * Life cycle   recovery_init once the dispatch has all that it knows; recovery_release. */
#ifndef COORDINATE_RECOVERY_H
#define COORDINATE_RECOVERY_H

#include "coordinate/dispatch.h"
#include "coordinate/pause.h"
#include "coordinate/spreading.h"
#include "core/sched/whole.h"

struct recovery {
    struct dispatch *dispatch;   /* borrowed, as is the next */
    struct spreading *spreading; /* with --per-node, or NULL */
    struct pause pause;
    struct whole whole;
    unsigned *attempts; /* of each segment */
    uint8_t *cut;       /* of each file: a range of it came */
};

int recovery_init(struct recovery *recovery, struct dispatch *dispatch,
                  struct spreading *spreading, struct err *err);
void recovery_release(struct recovery *recovery); /* takes a zeroed struct as well */

/* So many neighbours have been stored. */
void recovery_stored(struct recovery *recovery, uint32_t first, uint32_t count);

/* All segments of the file are fetched anew: their attempts and notes do not count. */
void recovery_restart(struct recovery *recovery, uint32_t file);

/* The outcome of a failed attempt, with what came of the file before. */
struct outcome recovery_outcome(struct recovery *recovery, const struct msg *msg);

/* The source is at fault for that outcome of msg: try again, in another way, or not at
 * all, which is the error. */
int recovery_failed(struct recovery *recovery, int from, const struct msg *msg,
                    const struct outcome *outcome, double now, struct err *err);

/* Files that no rank has a part of any more can be fetched whole. */
void recovery_step(struct recovery *recovery);

#endif
