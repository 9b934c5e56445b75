/* core/sched/sched_action.h -- what ranks are told to do about segments, and what their answers
 * are worth. sched.h tells the story. */
#ifndef CORE_SCHED_SCHED_ACTION_H
#define CORE_SCHED_SCHED_ACTION_H

#include <stdint.h>

enum { SCHED_BATCH = 64 }; /* most segments in one action */

enum sched_kind {
    SCHED_GRANT,     /* fetch these */
    SCHED_DUPLICATE, /* fetch this one too, into private space */
    SCHED_CANCEL,    /* drop this one and say so */
    SCHED_ADOPT,     /* the private copy counts: put it in its place */
    SCHED_TAKE_BACK  /* as CANCEL; but one that has begun may go on to its end */
};

struct sched_action {
    enum sched_kind kind;
    int rank;
    uint32_t count;
    uint32_t segment[SCHED_BATCH];
};

enum sched_verdict {
    SCHED_STORED, /* the segment lies at that rank, in its place */
    SCHED_WAIT,   /* a private copy is whole; what becomes of it is decided later */
    SCHED_LATE    /* somebody else was first */
};

#endif
