#include "core/state/stats.h"

static const char *const names[STAT_COUNT] = {
    [STAT_FETCHED] = "bytes_fetched",
    [STAT_RESUMED] = "bytes_resumed",
    [STAT_COPIED] = "bytes_copied",
    [STAT_HASHED] = "bytes_hashed",
    [STAT_SEGMENTS] = "segments",
    [STAT_DATA_REQUESTS] = "data_requests",
    [STAT_RESOLVE_REQUESTS] = "resolve_requests",
    [STAT_RETRIED] = "retried",
    [STAT_DUPLICATED] = "duplicated",
    [STAT_BUSY] = "busy_us",
    [STAT_CPU] = "cpu_us",
    [STAT_PEAK] = "peak_memory",
    [STAT_GROWTH] = "memory_growth",
};

const char *stats_name(enum stats_item item)
{
    return names[item];
}

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
