/* core/sched/whole.h -- files that turn out to come in one piece only, because their
 * server refuses or ignores ranges. All ranks let go of such a file; then one fetches it
 * as a single segment, as it would be if that had been known from the start.
 *
 * Life cycle   struct that is zeroed except for is_gone and arg; whole_begin; whole_next whenever a rank has reported;
 *              whole_release. */
#ifndef CORE_SCHED_WHOLE_H
#define CORE_SCHED_WHOLE_H

#include "core/sched/relay.h"
#include "core/sched/sched.h"

struct whole {
    uint32_t *file; /* those that some rank still has a part of */
    uint32_t count, room;
    /* What was stored of the file is gone as well. Asked again and again once no rank has a
     * part of it. NULL: it may stay. */
    bool (*is_gone)(void *arg, uint32_t file);
    void *arg;
};

/* Whether the file is on its way there. */
bool whole_has(const struct whole *whole, uint32_t file);

/* Nothing more of the file is granted, and nothing of it is hashed. */
int whole_begin(struct whole *whole, struct sched *sched, struct relay *relay,
                uint32_t file, struct err *err);

/* No rank has a part of *file any more: it has PLAN_WHOLE, and will be granted. false:
 * there is none. */
bool whole_next(struct whole *whole, struct sched *sched, const struct relay *relay,
                struct plan *plan, uint32_t *file);

void whole_release(struct whole *whole);

#endif
