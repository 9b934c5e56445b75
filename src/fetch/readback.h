/* fetch/readback.h -- what the disk gives back of files at their final path. On a thread of
 * the pool; ERR_INTERRUPTED if that is to stop.
 *
 * Memory       a block of 256 KiB, or 1 MiB for sums. */
#ifndef FETCH_READBACK_H
#define FETCH_READBACK_H

#include "fetch/store.h"

/* So many neighbours, hashed on from *state; digest: not NULL if the file ends with them. */
int readback_segments(const struct store *store, const struct pool *pool,
                      uint32_t segment, uint32_t count, struct midstate *state,
                      uint8_t *digest, struct err *err);

/* A whole file: its SHA-256, and whether it is another than the announced digest, of either
 * kind. A file without one is never wrong. */
int readback_file(const struct store *store, const struct pool *pool, uint32_t file,
                  uint8_t sha256[32], bool *wrong, struct err *err);

/* Whether that segment has another checksum (XXH3), or cannot be read. */
int readback_differs(const struct store *store, const struct pool *pool, uint32_t segment,
                     uint64_t sum, bool *differs, struct err *err);

#endif
