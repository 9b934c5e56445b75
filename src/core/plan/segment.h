/* core/plan/segment.h -- the plan divided into segments, which all messages count in, and
 * which hashing and resuming go by.
 *
 * A segment begins on a multiple of 1 MiB of its file, hence on a block of SHA-256, on a
 * page and on file system stripes. All segments of a file except the last have the same
 * length. A file with PLAN_WHOLE or a git digest is one segment, and so is one of at most
 * `least` bytes; an empty file has none. Segments are numbered file by file, in order;
 * every rank divides the same plan into the same segments.
 *
 * A rank fetches neighbours of one file together, by one request: how many is decided as
 * they are granted (core/sched/queue.h). Where the user chose the size, each is fetched by
 * itself.
 *
 * A file that gets PLAN_WHOLE afterwards, because its server turns out to cut no ranges,
 * is one segment from then on: the first, which is all of it. The numbers of the others
 * stay, and they are empty. */
#ifndef CORE_PLAN_SEGMENT_H
#define CORE_PLAN_SEGMENT_H

#include <stdbool.h>

#include "core/plan/plan.h"

struct range {
    uint64_t begin, end; /* [begin, end) */
};

struct segments {
    const struct plan *plan; /* borrowed */
    uint64_t size;           /* bytes of a full segment */
    uint64_t least;          /* a file of at most so many bytes is one segment */
    uint32_t together;       /* most that are fetched by one request */
    uint32_t *first;         /* nfiles + 1: first segment of each file */
    uint32_t *file;          /* of each segment */
    uint32_t count;
};

enum {
    SEGMENT_ALIGN = 1 << 20,
    SEGMENT_WHOLE = 8 << 20,    /* a file up to there is not worth several requests */
    SEGMENT_REQUEST = 64 << 20, /* most bytes of one request for several segments */
    SEGMENT_KEPT = 32 << 20, /* what a rank keeps in memory (fetch/buffers.h), less some
                                 * for what is on its way to the disk */
    SEGMENT_TURNS = 4, /* requests of each transfer that what is missing would make, if
                        * all were as long as the first */
    SEGMENTS_FINE = 1 << 20,
    SEGMENTS_MOST = 1 << 24,
    SEGMENT_SMALL = 1 << 20, /* a file of at most so many bytes is small: kept in memory
                              * while it arrives, and granted in batches */
};

/* The size of segments of a plan of so many bytes: SEGMENT_ALIGN, doubled until there are
 * no more than SEGMENTS_FINE of them (beside one for each file). */
uint64_t segment_unit(uint64_t nbytes);

/* A size that the user chose, or the smallest multiple of SEGMENT_ALIGN above it with which
 * so many bytes make no more than SEGMENTS_MOST segments: a source may announce any
 * number, and each segment takes memory. */
uint64_t segment_size_bounded(uint64_t size, uint64_t nbytes);

/* How many segments of that size one request is to bring, if so many bytes are missing and
 * there are so many transfers at a time, of so many ranks. At least 1, at most
 * SEGMENT_REQUEST. What the transfers of a rank bring should not be more than it can keep
 * in memory until it is hashed, since reading it again takes longer than more requests;
 * but those of SEGMENT_WHOLE are short enough. */
uint32_t segment_together(uint64_t size, uint64_t missing, uint32_t slots,
                          uint32_t ranks);

/* Each segment is fetched by itself. ERR_USAGE unless size is a multiple of SEGMENT_ALIGN,
 * and for more than 2^32-2 segments. */
int segments_cut(struct segments *segments, const struct plan *plan, uint64_t size,
                 struct err *err);
/* Up to `together` are fetched by one request, and files up to `least` are one. */
int segments_cut_finely(struct segments *segments, const struct plan *plan, uint64_t size,
                        uint64_t least, uint32_t together, struct err *err);
void segments_release(struct segments *segments);

struct range segment_range(const struct segments *segments, uint32_t segment);
uint64_t segment_bytes(const struct segments *segments, uint32_t segment);
/* Of so many neighbours of one file, at least one. */
struct range segments_range(const struct segments *segments, uint32_t first,
                            uint32_t count);
uint64_t segments_bytes(const struct segments *segments, uint32_t first, uint32_t count);
uint32_t segments_of(const struct segments *segments, uint32_t file); /* how many */

/* A file of one segment and at most SEGMENT_SMALL bytes. */
bool segments_small(const struct segments *segments, uint32_t file);

#endif
