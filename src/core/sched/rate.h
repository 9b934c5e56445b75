/* core/sched/rate.h -- a token bucket: how many bytes may be transferred at this moment.
 *
 * Example: 10 MB/s, burst 1 MB. After a second without traffic 1 MB may be sent at once,
 * then 10 MB each second. Spending more than is available makes a debt that is paid off
 * by time, so a caller may account for bytes after they arrived. */
#ifndef CORE_SCHED_RATE_H
#define CORE_SCHED_RATE_H

#include <stdint.h>

struct rate {
    double per_second; /* 0: no limit */
    double burst;      /* most bytes that accumulate while nothing is sent */
    double tokens, updated;
};

/* The bucket begins full. */
void rate_init(struct rate *rate, double per_second, double burst, double now);
void rate_set(struct rate *rate, double per_second, double now); /* keeps the debt */
/* Seconds until a byte may be sent; 0: it may at once. */
double rate_wait(struct rate *rate, double now);
void rate_spend(struct rate *rate, uint64_t bytes, double now);

#endif
