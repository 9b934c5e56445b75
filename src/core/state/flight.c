#include "core/state/flight.h"

/* Seconds that a piece takes, with those beside it. */
static const double quick = 0.1, slow = 0.2;

unsigned flight_next(unsigned most, double seconds)
{
    if (seconds > slow && most > FLIGHT_LEAST)
        return most - 1;
    return seconds < quick && most < FLIGHT_MOST ? most + 1 : most;
}
