#include "core/state/sums.h"

#include "core/state/wire.h"

void sums_add(struct strbuf *blob, uint64_t sum)
{
    wire_put_uint(blob, sum, SUM_BYTES);
}

uint32_t sums_count(uint64_t blob_len)
{
    uint64_t count = blob_len / SUM_BYTES;

    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

uint64_t sums_at(const void *blob, uint32_t place)
{
    const uint8_t *at = (const uint8_t *)blob + (size_t)place * SUM_BYTES;
    struct wire wire = { at, at + SUM_BYTES, false };

    return wire_get_uint(&wire, SUM_BYTES);
}
