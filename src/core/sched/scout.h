/* core/sched/scout.h -- a search for a node that reaches the source, since that of rank 0 does
 * not.
 *
 * Nodes are tried in the order of their numbers, each once. The next one is tried as soon as
 * those before it have failed; while they have not, twice as many at a time with every second,
 * since a lost packet tells nothing until a time limit has passed: a thousand nodes without a
 * way out take ten seconds and one time limit, and where most have one few are tried.
 *
 * Time         an argument: seconds, never going back. */
#ifndef CORE_SCHED_SCOUT_H
#define CORE_SCHED_SCOUT_H

#include <stdbool.h>

#include "core/sched/retry.h"

struct scout {
    int nodes;    /* of the run; 0 is that of rank 0, which is not tried */
    int next;     /* the one to be tried next */
    int underway; /* of those before, the ones that have not failed */
    double began;
};

/* Whether an attempt failed on the way to the source, so that another node may succeed: before
 * anybody answered, or at a proxy, which wants to know who asks (407), or has nobody who
 * answers (502, 503, 504) unless it passes on when the source wants to be asked again. */
bool scout_needed(const struct outcome *outcome);

void scout_begin(struct scout *scout, int nodes, double now);

/* A node to be tried; -1: none for now. */
int scout_next(struct scout *scout, double now);

/* One that was tried does not reach it. */
void scout_failed(struct scout *scout);

/* None does. */
bool scout_over(const struct scout *scout);

#endif
