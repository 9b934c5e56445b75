/* core/sched/queue.h -- the order in which pending segments go out.
 *
 * In front stand segments that came back, as soon as their time has come. Then large
 * segments: several files side by side, each in order; a rank keeps to the file it is in,
 * and where ranks share a file each begins a few segments further on, so that neighbours
 * stay together. Last, small files in batches that shrink as the end comes near.
 *
 * Life cycle   queue_init with all segments pending; queue_drop for those that are
 *              stored; queue_take; queue_again for those that come back; queue_release.
 * Memory       5 bytes a segment, 4 a file; 16 for each segment that is back. */
#ifndef CORE_SCHED_QUEUE_H
#define CORE_SCHED_QUEUE_H

#include "core/plan/segment.h"

struct lane {
    uint32_t head;  /* first pending segment of the file */
    uint32_t fresh; /* where the next rank to come begins; head <= fresh <= end */
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

/* Pending no more, for a reason from outside. */
void queue_drop(struct queue *queue, uint32_t segment);

/* Pending once more. avoid: a rank that should not get it if another can; or -1. */
void queue_again(struct queue *queue, uint32_t segment, double not_before, int avoid);

/* Something may go out now; *avoid is the rank that it should not go to, or -1. */
bool queue_ready(const struct queue *queue, double now, int *avoid);

/* One unit for that rank, of which takers share the work; most segments in out. Returns
 * how many, at least 1; queue_ready must have said true. */
uint32_t queue_take(struct queue *queue, double now, int rank, uint32_t takers,
                    uint32_t *out, uint32_t most);

#endif
