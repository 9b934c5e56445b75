#include "fetch/segment_sums.h"

#include <stdlib.h>

#include "io/sha256.h"

int segment_sums_open(struct segment_sums *sums, uint64_t unit, uint32_t count,
                      struct err *err)
{
    *sums = (struct segment_sums){ .unit = unit,
                                   .count = count,
                                   .value = calloc(count, sizeof(*sums->value)),
                                   .sum = checksum_create() };
    if (sums->value && sums->sum)
        return 0;
    segment_sums_release(sums);
    return err_memory(err, "checksums");
}

void segment_sums_release(struct segment_sums *sums)
{
    free(sums->value);
    checksum_destroy(sums->sum);
    *sums = (struct segment_sums){ 0 };
}

static void end_segment(struct segment_sums *sums)
{
    sums->value[sums->done++] = checksum_value(sums->sum);
    checksum_restart(sums->sum);
}

void segment_sums_feed(struct segment_sums *sums, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0 && sums->done < sums->count) {
        uint64_t left = sums->unit - sums->fed % sums->unit;
        size_t part = len < left ? len : (size_t)left;

        checksum_feed(sums->sum, at, part);
        sums->fed += part;
        if (sums->fed % sums->unit == 0)
            end_segment(sums);
        at += part;
        len -= part;
    }
}

void segment_sums_end(struct segment_sums *sums)
{
    if (sums->done < sums->count && sums->fed % sums->unit != 0)
        end_segment(sums);
}
