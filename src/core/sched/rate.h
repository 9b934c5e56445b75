/* core/sched/rate.h -- a token bucket: how many bytes may move now.
 *
 * Example: 10 MB/s, burst 1 MB. After a second of silence 1 MB may move at once, then 10
 * MB each second. Spending more than there is makes a debt that time pays off, so that a
 * caller may spend after the fact. */
#ifndef CORE_SCHED_RATE_H
#define CORE_SCHED_RATE_H

#include <stdint.h>

struct rate {
    double per_second; /* 0: no limit */
    double burst;      /* most bytes that may pile up while nobody asks */
    double tokens, updated;
};

/* The bucket begins full. */
void rate_init(struct rate *rate, double per_second, double burst, double now);
void rate_set(struct rate *rate, double per_second, double now); /* keeps the debt */
/* Seconds until a byte may move; 0: it may at once. */
double rate_wait(struct rate *rate, double now);
void rate_spend(struct rate *rate, uint64_t bytes, double now);

#endif
