/* fetch/segment_sums.h -- the checksum of each of several neighbouring segments, while their
 * bytes pass. Other nodes check by them what they get (fetch/stow.h).
 *
 * Life cycle   zeroed; segment_sums_open; segment_sums_feed; segment_sums_end once all bytes
 *              have passed; segment_sums_release, which takes a zeroed struct as well.
 * Threads      one at a time. */
#ifndef FETCH_SEGMENT_SUMS_H
#define FETCH_SEGMENT_SUMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct segment_sums {
    uint64_t unit, fed; /* bytes of a segment; so far */
    uint32_t count, done;
    uint64_t *value; /* `done` of them are known */
    struct checksum *sum;
};

int segment_sums_open(struct segment_sums *sums, uint64_t unit, uint32_t count,
                      struct err *err);
void segment_sums_release(struct segment_sums *sums);

void segment_sums_feed(struct segment_sums *sums, const void *bytes, size_t len);

/* The last segment of a file is shorter than the others. */
void segment_sums_end(struct segment_sums *sums);

#endif
