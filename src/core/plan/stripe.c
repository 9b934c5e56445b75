#include "core/plan/stripe.h"

#include <string.h>

/* Lustre's struct lov_user_md begins with a magic number; of a plain layout the size of a
 * stripe and, in 16 bits, their number follow at a fixed place. */
enum { COUNT_AT = 28 };

static bool is_plain(uint32_t magic)
{
    return magic == 0x0BD10BD0 || magic == 0x0BD30BD0;
}

struct stripe_layout stripe_parse(const void *bytes, size_t len)
{
    struct stripe_layout layout = { STRIPE_UNKNOWN, 0 };
    uint32_t magic;
    uint16_t count;

    if (len < sizeof(magic))
        return layout;
    memcpy(&magic, bytes, sizeof(magic));
    if (magic == 0x0BD60BD0)
        layout.kind = STRIPE_COMPOSITE;
    if (!is_plain(magic) || len < COUNT_AT + sizeof(count))
        return layout;
    memcpy(&count, (const char *)bytes + COUNT_AT, sizeof(count));
    return (struct stripe_layout){ STRIPE_PLAIN, count };
}

bool stripe_applies(const struct stripe_policy *policy, bool own,
                    const struct stripe_layout *layout)
{
    if (policy->mode == STRIPE_NONE || own)
        return false;
    return policy->mode == STRIPE_FIXED || layout->kind != STRIPE_COMPOSITE;
}

unsigned stripe_count(const struct stripe_policy *policy, uint64_t size, unsigned osts)
{
    bool automatic = policy->mode == STRIPE_AUTO;
    uint64_t most = automatic ? STRIPE_MOST : policy->count;
    uint64_t count = size / (automatic ? STRIPE_LARGE : STRIPE_LEAST);

    if (policy->mode == STRIPE_NONE || size < STRIPE_LARGE / 16)
        return 0;
    if (automatic)
        count += size % STRIPE_LARGE > 0;
    if (count > most)
        count = most;
    if (osts > 0 && count > osts)
        count = osts;
    return automatic && count < 2 ? 0 : (unsigned)count;
}
