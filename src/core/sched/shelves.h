/* core/sched/shelves.h -- what is pending, by who is to fetch it: a queue for each group of
 * files that suit the same ranks.
 *
 * A rank that a file does not suit gets none of it as long as one that it suits takes part,
 * that is, fetches at all and is not muted. Without groups there is one queue for all.
 *
 * Life cycle   shelves_init with all segments pending; shelves_of for the queue of a segment
 *              (core/sched/queue.h); shelves_take; shelves_release.
 * Memory       1 byte per segment; a bit for each shelf and rank, and what a queue takes. */
#ifndef CORE_SCHED_SHELVES_H
#define CORE_SCHED_SHELVES_H

#include "core/sched/credit.h"
#include "core/sched/queue.h"

/* Which ranks a file suits: those that `suits` says of its group, if they fetch at all. */
struct shelf_groups {
    uint32_t count;
    const uint32_t *of_file;
    bool (*suits)(const void *arg, uint32_t group, int rank);
    const void *arg;
};

struct shelf {
    struct queue queue;
    uint8_t *suits; /* a bit for each rank; NULL: all */
    uint32_t able;  /* ranks that it suits and that take part */
    uint32_t most;  /* the same, if none were muted */
};

struct shelves {
    const struct segments *segments; /* borrowed */
    const uint32_t *of_file;         /* borrowed; NULL: all files are on one */
    struct shelf *shelf;
    uint32_t count, turn;
    int nranks;
    uint8_t *list;
};

/* groups: NULL: all files suit all ranks. */
int shelves_init(struct shelves *shelves, const struct queue_policy *policy,
                 const struct shelf_groups *groups, struct err *err);
void shelves_release(struct shelves *shelves);

struct queue *shelves_of(const struct shelves *shelves, uint32_t segment);

/* Transfers of all ranks at a time from here on. */
void shelves_slots(struct shelves *shelves, uint32_t slots);

/* The rank takes no part any more, or does again. Not twice. */
void shelves_mute(struct shelves *shelves, int rank, bool mute);

/* Whether the rank may get that segment, as it is. */
bool shelves_may(const struct shelves *shelves, uint32_t segment, int rank);

/* One unit for a rank that waits, if there is one for any: the heir of what came back, if it
 * has credit, else the rank that waits longest; the one to avoid if there is no other. Returns the
 * rank, or CREDIT_NOBODY. */
int shelves_take(struct shelves *shelves, const struct credit *credit, double now,
                 struct taken *taken);

#endif
