/* core/sched/egress.h -- which ranks can reach the source.
 *
 * A rank on a node without a route to the source fails at once, is ready for more at
 * once, and would use up the attempts of every segment while others fetch. So its
 * failures count against the rank: it gets no work for a while, and the segment keeps its
 * attempts. Once all ranks have failed in this way, the source or the network is at
 * fault, and from then on failures count against the segments as usual.
 *
 * Time         an argument: seconds, never going back. */
#ifndef CORE_SCHED_EGRESS_H
#define CORE_SCHED_EGRESS_H

#include <stdbool.h>

#include "core/sched/retry.h"

enum egress_state { EGRESS_UNKNOWN, EGRESS_OPEN, EGRESS_SHUT };

struct egress {
    struct egress_rank {
        enum egress_state state;
        unsigned times; /* found shut */
        double again;   /* SHUT: when it may try once more */
    } * rank;
    int nranks, working, shut; /* working: ranks that fetch at all */
    bool off;                  /* nobody could: it is not the ranks */
    double due;                /* nothing happens before */
};

/* slots: transfers of each rank; with none it does not count. */
int egress_init(struct egress *egress, const unsigned *slots, int nranks,
                struct err *err);
void egress_release(struct egress *egress);

/* Bytes came to that rank. */
void egress_open(struct egress *egress, int rank);

/* Whether a failed try says that the rank cannot reach the source: then it is to get no
 * work until egress_next names it. */
bool egress_shut(struct egress *egress, int rank, const struct outcome *outcome,
                 double now);

/* A rank that may try again; -1: none for now. */
int egress_next(struct egress *egress, double now);

#endif
