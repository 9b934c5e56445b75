/* core/sched/meter.h -- how fast a connection is: the bytes of its last seconds in use.
 *
 * A zeroed struct is a meter. Time in which it is not used does not count. */
#ifndef CORE_SCHED_METER_H
#define CORE_SCHED_METER_H

#include <stdint.h>

enum { METER_WORDS = 16, METER_FEW = 64 /* ranks */ };

struct meter {
    struct {
        double seconds;
        uint64_t bytes;
    } word[METER_WORDS]; /* of late, in a ring */
    unsigned next;
    double seconds; /* in all */
};

/* So many bytes came in so many seconds. */
void meter_add(struct meter *meter, double seconds, uint64_t bytes);

/* Bytes a second over the last `window` seconds, or what is known of them; 0: nothing. */
double meter_rate(const struct meter *meter, double window);

/* Seconds between two reports of a rank of what its meters say: rank 0 sees sooner what
 * happens if it has few ranks to hear. */
double meter_period(int nranks);

/* The same of a rank that has nothing to begin after what it runs: what is late has to be
 * told from what is not. */
double meter_period_at_end(int nranks);

#endif
