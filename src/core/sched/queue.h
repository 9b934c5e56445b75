/* core/sched/queue.h -- the order in which pending segments are granted, and how many
 * together.
 *
 * First come segments that were returned, once their waiting time is over. Then large
 * files: several side by side, each in order. A rank stays in the file it is in, and where
 * ranks share a file each starts some way after the other, so that neighbours stay on one
 * rank. Small files come last, in batches that shrink towards the end.
 *
 * Guided self-scheduling: a grant is a share of what is left, so that the first ones are
 * long, which costs few requests, and the last ones short, so that all ranks end together.
 *
 * Life cycle   queue_init with all segments pending; queue_tie for those that belong
 *              together; queue_drop for those that are stored; queue_take; queue_again for
 *              those that are returned; queue_release.
 * Memory       1 byte per segment, 8 per file and per rank; 24 for each return. */
#ifndef CORE_SCHED_QUEUE_H
#define CORE_SCHED_QUEUE_H

#include "core/plan/segment.h"

struct lane {
    uint32_t head;  /* first pending segment of the file */
    uint32_t fresh; /* where the next rank begins; head <= fresh <= end */
    uint32_t end;
};

/* The neighbour of what a rank got last, which is its next one if it is still pending. */
struct trail {
    uint32_t segment, lane;
};

/* Neighbours that came back. */
struct returned {
    double not_before;
    uint32_t segment, count;
    int heir, avoid; /* ranks, or -1 */
};

/* What a rank is granted: neighbours of a large file; or small files, a segment each. */
struct taken {
    uint32_t *segment; /* room for `most` */
    uint32_t most, count;
    uint32_t together; /* segments from the first one on; 1 if count is more */
};

struct queue {
    const struct segments *segments; /* borrowed */
    uint64_t small, batch_bytes;
    uint32_t slots; /* transfers of all ranks */
    uint8_t *list;  /* of each segment: where it waits, and its ties; borrowed */
    struct lane *lane;
    uint32_t nlanes, most_lanes, turn;
    uint32_t *large; /* files, largest first */
    uint32_t nlarge, next_large;
    uint32_t *little; /* segments of small files */
    uint32_t nlittle, next_little, little_left;
    struct returned *heap; /* earliest on top */
    uint32_t nheap, nback; /* and how many segments they are */
    struct trail *trail;
    uint32_t pending;
};

struct queue_policy {
    const struct segments *segments;
    int nranks;
    uint32_t slots; /* transfers of all ranks at a time */
    uint64_t small, batch_bytes;
    uint8_t
        *list; /* a byte of each segment, which queues of other files share; borrowed */
};

/* Of these files alone. */
int queue_init(struct queue *queue, const struct queue_policy *policy,
               const uint32_t *files, uint32_t nfiles, struct err *err);
void queue_release(struct queue *queue);

/* These neighbours, which are pending, are granted by themselves and as a whole. */
void queue_tie(struct queue *queue, uint32_t first, uint32_t count);
void queue_untie(struct queue *queue, uint32_t first, uint32_t count);

/* No longer pending, because it is stored. Of those that came back together the first. */
void queue_drop(struct queue *queue, uint32_t segment);

/* Pending again, all those of back. Its heir should get them, if it can; the rank to avoid
 * should not, if another can. */
void queue_again(struct queue *queue, struct returned back);

/* Whether something may be granted now; *heir and *avoid as above. */
bool queue_ready(const struct queue *queue, double now, int *heir, int *avoid);

/* One unit for that rank; takers ranks share the work. At least one segment; queue_ready
 * must have returned true. */
void queue_take(struct queue *queue, double now, int rank, uint32_t takers,
                struct taken *taken);

#endif
