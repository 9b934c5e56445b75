#include "core/sched/rate.h"

/* Elapsed time becomes tokens. A clock that goes back gives none. */
static void rate_fill(struct rate *rate, double now)
{
    if (now <= rate->updated)
        return;
    rate->tokens += (now - rate->updated) * rate->per_second;
    if (rate->tokens > rate->burst)
        rate->tokens = rate->burst;
    rate->updated = now;
}

void rate_init(struct rate *rate, double per_second, double burst, double now)
{
    /* A bucket must hold at least one byte, or nothing would ever pass. */
    if (burst < 1)
        burst = 1;
    *rate = (struct rate){
        .per_second = per_second, .burst = burst, .tokens = burst, .updated = now
    };
}

void rate_set(struct rate *rate, double per_second, double now)
{
    rate_fill(rate, now);
    rate->per_second = per_second;
}

double rate_wait(struct rate *rate, double now)
{
    rate_fill(rate, now);
    if (rate->per_second <= 0 || rate->tokens > 0)
        return 0;
    /* Up to a whole byte, not just above 0: rounding must not make a caller that slept as
     * told sleep again and again. */
    return (1 - rate->tokens) / rate->per_second;
}

void rate_spend(struct rate *rate, uint64_t bytes, double now)
{
    rate_fill(rate, now);
    if (rate->per_second > 0)
        rate->tokens -= (double)bytes;
}
