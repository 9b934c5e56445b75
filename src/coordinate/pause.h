/* coordinate/pause.h -- pauses of the whole job, because the source asks for one or is out
 * of order. It then refuses every request, so that a refusal counts once per pause, until
 * something arrives. */
#ifndef COORDINATE_PAUSE_H
#define COORDINATE_PAUSE_H

#include "coordinate/dispatch.h"

struct pause {
    struct dispatch *dispatch; /* borrowed, with all that it knows */
    unsigned refusals;         /* pauses in a row */
    double until;              /* clock_now */
};

/* No rank begins a request for so long. why: the outcome that is the reason. */
void pause_all(struct pause *pause, double seconds, const struct outcome *why);

/* A request was refused with retry_asks_pause. Returns how many pauses in a row were not
 * enough, this one included. */
unsigned pause_count(struct pause *pause, double now);

#endif
