#include "core/plan/digest.h"

#include "base/text.h"

unsigned digest_length(const struct digest *digest)
{
    static const unsigned lengths[] = {
        [DIGEST_NONE] = 0,
        [DIGEST_SHA256] = 32,
        [DIGEST_GIT_BLOB] = 20,
    };

    return digest->kind < countof(lengths) ? lengths[digest->kind] : 0;
}

struct midstate midstate_start(void)
{
    return (struct midstate){
        .h = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
               0x1f83d9ab, 0x5be0cd19 },
    };
}
