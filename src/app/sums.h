/* app/sums.h -- what came of a call with several sources, from the report of each. */
#ifndef APP_SUMS_H
#define APP_SUMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"
#include "mpifetch.h"

struct sums {
    const struct mpifetch_report *reports; /* whose rank is -1: was not tried */
    size_t count;
    double seconds; /* the whole call took */
};

/* The outcome of the call: the highest status of any. */
int sums_status(const struct mpifetch_report *reports, size_t count);

/* Rank 0: "3 sources: 2 published, 1 failed; fetched 1.2 GB in 12 s (100 MB/s)". */
void sums_tell(const struct log *log, const struct sums *sums, bool verifies);

#endif
