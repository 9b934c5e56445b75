#include "core/sched/meter.h"

void meter_add(struct meter *meter, double seconds, uint64_t bytes)
{
    unsigned at = meter->next++ % METER_WORDS;

    meter->word[at].seconds = seconds;
    meter->word[at].bytes = bytes;
    meter->seconds += seconds;
}

double meter_rate(const struct meter *meter, double window)
{
    double seconds = 0, bytes = 0;
    unsigned n = meter->next < METER_WORDS ? meter->next : METER_WORDS;

    for (unsigned i = 1; i <= n && seconds < window; i++) {
        unsigned at = (meter->next - i) % METER_WORDS;

        seconds += meter->word[at].seconds;
        bytes += (double)meter->word[at].bytes;
    }
    return seconds > 0 ? bytes / seconds : 0;
}

double meter_period(int nranks)
{
    return nranks <= METER_FEW ? 0.25 : 0.5;
}

double meter_period_at_end(int nranks)
{
    return nranks > 1 && nranks <= METER_FEW ? 0.0625 : meter_period(nranks);
}
