/* core/sched/queue.h -- the order in which pending segments are granted.
 *
 * First come segments that were returned, once their waiting time is over. Then large
 * segments: several files side by side, each in order. A rank stays in the file it is
 * in, and where ranks share a file each starts a few segments after the other, so
 * that neighbours stay on one rank. Small files come last, in batches that shrink
 * towards the end.
 *
 * Life cycle   queue_init with all segments pending; queue_drop for those that are
 *              stored; queue_take; queue_again for those that are returned;
 *              queue_release.
 * Memory       5 bytes per segment, 4 per file; 16 for each returned segment. */
#ifndef CORE_SCHED_QUEUE_H
#define CORE_SCHED_QUEUE_H

#include "core/plan/segment.h"

struct lane {
    uint32_t head;  /* first pending segment of the file */
    uint32_t fresh; /* where the next rank begins; head <= fresh <= end */
    uint32_t end;
};

/* Where a rank was last: its next segment is the neighbour, if that is still pending. */
struct trail {
    uint32_t segment, lane;
};

/* A segment that came back. */
struct returned {
    double not_before;
    uint32_t segment;
    int avoid;
};

struct queue {
    const struct segments *segments; /* borrowed */
    uint64_t small, batch_bytes;
    uint8_t *list; /* of each segment: where it waits */
    struct lane *lane;
    uint32_t nlanes, most_lanes, turn;
    uint32_t *large; /* files, largest first */
    uint32_t nlarge, next_large;
    uint32_t *little; /* segments of small files */
    uint32_t nlittle, next_little, little_left;
    struct returned *heap; /* earliest on top */
    uint32_t nheap;
    struct trail *trail;
    uint32_t pending;
};

int queue_init(struct queue *queue, const struct segments *segments, int nranks,
               uint64_t small, uint64_t batch_bytes, struct err *err);
void queue_release(struct queue *queue);

/* No longer pending, because it is stored. */
void queue_drop(struct queue *queue, uint32_t segment);

/* Pending again. avoid: a rank that should not get it if another can; or -1. */
void queue_again(struct queue *queue, uint32_t segment, double not_before, int avoid);

/* Whether something may be granted now; *avoid is the rank that should not
 * get it, or -1. */
bool queue_ready(const struct queue *queue, double now, int *avoid);

/* One unit for that rank; takers ranks share the work; at most `most` segments into out.
 * Returns how many, at least 1; queue_ready must have returned true. */
uint32_t queue_take(struct queue *queue, double now, int rank, uint32_t takers,
                    uint32_t *out, uint32_t most);

#endif
