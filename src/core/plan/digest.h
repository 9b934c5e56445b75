/* core/plan/digest.h -- digests and midstates as values; io/sha256.h computes them. */
#ifndef CORE_PLAN_DIGEST_H
#define CORE_PLAN_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

/* GIT_BLOB: SHA-1 over "blob <size>\0" and the content, which is all the Hub has for
 * files outside LFS; such a file is never cut into several segments. */
enum digest_kind { DIGEST_NONE, DIGEST_SHA256, DIGEST_GIT_BLOB };

struct digest {
    uint8_t kind; /* enum digest_kind */
    uint8_t bytes[32];
};

/* SHA-256 after a whole number of 64-byte blocks: hashing can continue from
 * here on any rank. */
struct midstate {
    uint64_t bytes;
    uint32_t h[8];
};

/* How many of the bytes are used: 32, 20, or 0 for DIGEST_NONE. */
unsigned digest_length(const struct digest *digest);

/* Of no bytes at all (FIPS 180-4 initial value). */
struct midstate midstate_start(void);

#endif
