#include "core/sched/spill.h"

#include <math.h>

static const double window = 0.4; /* seconds of which the rate is taken, for each rank */
static const double fallen = 0.5; /* of the best rate, divided by the ranks: waiting costs
                                   * too much */
static const double shortest = 1, longest = 16; /* seconds */
static const double starving = 2;  /* seconds; servers wait for 10 and more */
static const double memory = 0.95; /* of the best rate, from window to window */

void spill_received(struct spill *spill, uint64_t bytes)
{
    spill->bytes += bytes;
}

static double ranks_of(const struct spill *spill)
{
    return spill->ranks > 0 ? spill->ranks : 1;
}

static void close_window(struct spill *spill, double now)
{
    double rate = (double)spill->bytes / (now - spill->since);
    bool waited = spill->waited && spill->since >= spill->until;

    if (waited && ranks_of(spill) * rate < fallen * spill->best) {
        spill->next = spill->next > 0 ? fmin(2 * spill->next, longest) : shortest;
        spill->until = now + spill->next;
    } else if (waited) {
        spill->next = 0;
    }
    spill->best = fmax(rate, memory * spill->best);
    spill->since = now;
    spill->bytes = 0;
    spill->waited = false;
}

bool spill_turn(struct spill *spill, bool waiting, double now)
{
    if (spill->since <= 0)
        spill->since = now;
    spill->waited |= waiting;
    if (now - spill->since >= window * ranks_of(spill))
        close_window(spill, now);
    return now < spill->until;
}

bool spill_starves(double since, double now)
{
    return now - since > starving;
}

uint32_t spill_reserve(uint32_t count, uint32_t distance)
{
    uint32_t far = 2 * count;

    return distance < far ? distance / 4 : count / 2;
}
