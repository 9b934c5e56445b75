/* report/progress.h -- one line for the whole job, all sources of a call together, on stderr of rank 0: redrawn on a
 * terminal, a plain line every few seconds elsewhere. */
#ifndef REPORT_PROGRESS_H
#define REPORT_PROGRESS_H

#include "ranks/run.h"

struct progress {
    struct run *run;
    uint64_t files, bytes; /* to fetch, of all sources */
    double began, shown;
    double rate_at, rate; /* bytes per second, smoothed */
    uint64_t rate_bytes;
    bool drawn;
};

void progress_begin(struct progress *progress, struct run *run, uint64_t files,
                    uint64_t bytes);

/* Of the source in hand. bytes: that have arrived, some of them not yet verified. Cheap: draws
 * when it is time. */
void progress_tick(struct progress *progress, uint64_t files, uint64_t bytes, int busy);

/* Take the bar away. */
void progress_end(struct progress *progress);

#endif
