/* core/plan/segment.h -- the plan divided into segments, the unit of work,
 * retry and hashing.
 *
 * A segment begins on a multiple of 1 MiB of its file, hence on a block of SHA-256, on a
 * page and on file system stripes. All segments of a file except the last have the same
 * length. A file with PLAN_WHOLE or a git digest is one segment; an empty file has none.
 * Segments are numbered file by file, in order; every rank divides the same plan into the
 * same segments.
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
    uint32_t *first;         /* nfiles + 1: first segment of each file */
    uint32_t *file;          /* of each segment */
    uint32_t count;
};

enum {
    SEGMENT_ALIGN = 1 << 20,
    SEGMENT_LEAST = 8 << 20,
    SEGMENT_MOST = 64 << 20,
    SEGMENTS_MOST = 1 << 24,
    SEGMENT_SMALL = 1 << 20, /* a file of at most so many bytes is small: kept in memory
                              * while it arrives, and granted in batches */
};

/* Segment size for so many transfers at a time: enough segments that the last ones are a
 * small part of the run, few enough that the cost of requests does not matter. Between
 * SEGMENT_LEAST and SEGMENT_MOST, a multiple of SEGMENT_ALIGN. */
uint64_t segment_size(uint64_t nbytes, uint32_t slots);

/* That size, or the smallest multiple of SEGMENT_ALIGN above it with which so many bytes
 * make no more than SEGMENTS_MOST segments (beside one for each file): a source may
 * announce any number, and each segment takes memory. */
uint64_t segment_size_bounded(uint64_t size, uint64_t nbytes);

/* size: as above, or what the user asked for; ERR_USAGE unless it is a multiple of
 * SEGMENT_ALIGN, and for more than 2^32-2 segments. */
int segments_cut(struct segments *segments, const struct plan *plan, uint64_t size,
                 struct err *err);
void segments_release(struct segments *segments);

struct range segment_range(const struct segments *segments, uint32_t segment);
uint64_t segment_bytes(const struct segments *segments, uint32_t segment);
uint32_t segments_of(const struct segments *segments, uint32_t file); /* how many */

/* A file of one segment and at most SEGMENT_SMALL bytes. */
bool segments_small(const struct segments *segments, uint32_t file);

#endif
