/* core/sched/sched_action.h -- what ranks are told to do with segments, and how their
 * answers count. core/sched/sched.h explains both. */
#ifndef CORE_SCHED_SCHED_ACTION_H
#define CORE_SCHED_SCHED_ACTION_H

#include <stdint.h>

enum { SCHED_BATCH = 64 }; /* most segments in one action */

enum sched_kind {
    SCHED_GRANT,     /* fetch these */
    SCHED_DUPLICATE, /* fetch this one too, into private space */
    SCHED_CANCEL,    /* drop this one and say so */
    SCHED_ADOPT,     /* the private copy counts: move it to its final path */
    SCHED_TAKE_BACK  /* as CANCEL; but one that has begun may be finished */
};

struct sched_action {
    enum sched_kind kind;
    int rank;
    uint32_t count;
    uint32_t segment[SCHED_BATCH];
};

enum sched_verdict {
    SCHED_STORED, /* the segment is at its final path, written by that rank */
    SCHED_WAIT,   /* a private copy is complete; whether it is used is decided later */
    SCHED_LATE    /* another rank was first */
};

#endif
