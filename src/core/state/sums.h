/* core/state/sums.h -- checksums of segments (XXH3, 64 bits), as the blob of a message: 8
 * bytes each, in the order of the segments that the message names. */
#ifndef CORE_STATE_SUMS_H
#define CORE_STATE_SUMS_H

#include "base/strbuf.h"

enum { SUM_BYTES = 8 };

void sums_add(struct strbuf *blob, uint64_t sum);

/* How many there are in so many bytes; a rest that makes no sum is not counted. */
uint32_t sums_count(uint64_t blob_len);

/* The one at that place, which must be there. */
uint64_t sums_at(const void *blob, uint32_t place);

#endif
