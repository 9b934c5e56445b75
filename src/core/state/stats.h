/* core/state/stats.h -- counters of one rank, and their sum and range over all ranks. */
#ifndef CORE_STATE_STATS_H
#define CORE_STATE_STATS_H

#include <stdint.h>

enum stats_item {
    STAT_FETCHED,          /* bytes of bodies, whether used or not */
    STAT_NEARBY,           /* bytes of another directory, read instead of asked for */
    STAT_RESUMED,          /* bytes that a former run had fetched, checked here */
    STAT_COPIED,           /* bytes from scratch into staging */
    STAT_HASHED,           /* bytes through SHA-256 */
    STAT_SEGMENTS,         /* landed here */
    STAT_DATA_REQUESTS,    /* for bytes of files */
    STAT_RESOLVE_REQUESTS, /* that the Hub counts as such: one a file at most */
    STAT_RETRIED,          /* attempts after a failed one */
    STAT_CUT,              /* requests of which the end was left to another one */
    STAT_REPLACED,         /* connections that were too slow */
    STAT_BUSY,             /* microseconds with at least one transfer running */
    STAT_CPU,              /* microseconds of CPU */
    STAT_PEAK,             /* bytes: largest resident set */
    STAT_GROWTH,           /* bytes: largest resident set less that at the start */
    STAT_COUNT
};

struct stats {
    uint64_t value[STAT_COUNT];
};

/* Between nodes, since the start of the run. */
struct traffic {
    uint64_t taken, given; /* bytes from and to other nodes */
    double taking, giving; /* seconds in which any were on their way */
};

/* A counter over all ranks, with the ranks of the lowest and the highest value: a slow
 * rank is named in the report. */
struct stats_range {
    uint64_t sum, least, most;
    int least_at, most_at; /* ranks */
};

struct stats_range stats_range(const struct stats *ranks, int count,
                               enum stats_item item);

#endif
