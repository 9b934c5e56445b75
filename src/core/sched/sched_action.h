/* core/sched/sched_action.h -- what ranks are told to do with segments;
 * core/sched/sched.h explains it. */
#ifndef CORE_SCHED_SCHED_ACTION_H
#define CORE_SCHED_SCHED_ACTION_H

#include <stdint.h>

enum { SCHED_BATCH = 64 }; /* most segments in one action, not counting `together` */

enum sched_kind {
    SCHED_GRANT,     /* fetch these */
    SCHED_TAKE_BACK, /* drop it and say so, unless it has begun: say that it goes on */
    SCHED_CUT        /* keep no more of it than so many, give up the rest, and say so */
};

struct sched_action {
    enum sched_kind kind;
    int rank;
    uint32_t count;
    uint32_t segment[SCHED_BATCH];
    uint32_t
        together; /* GRANT: neighbours from segment[0] on, 1 if count is more; CUT: of
                        * the lease that begins with segment[0], how many it may keep */
};

#endif
