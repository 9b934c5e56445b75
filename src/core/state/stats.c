#include "core/state/stats.h"

struct stats_range stats_range(const struct stats *ranks, int count, enum stats_item item)
{
    struct stats_range range = { 0, ranks[0].value[item], ranks[0].value[item], 0, 0 };

    for (int i = 0; i < count; i++) {
        uint64_t value = ranks[i].value[item];

        range.sum += value;
        if (value < range.least) {
            range.least = value;
            range.least_at = i;
        }
        if (value > range.most) {
            range.most = value;
            range.most_at = i;
        }
    }
    return range;
}
