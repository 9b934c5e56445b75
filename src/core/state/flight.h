/* core/state/flight.h -- how many pieces are on their way to one rank at a time.
 *
 * A message waits behind what was given to MPI before it for the same rank. Over a slow link
 * that may be seconds, in which a rank is granted nothing and tells nobody what it has. So no
 * more pieces are begun than leave within a moment; the link is busy all the same, since MPI
 * and the kernel have some of each. */
#ifndef CORE_STATE_FLIGHT_H
#define CORE_STATE_FLIGHT_H

enum { FLIGHT_LEAST = 2, FLIGHT_FIRST = 4, FLIGHT_MOST = 64 };

/* One has left, as so many more were allowed, and took so long: how many are from now on. */
unsigned flight_next(unsigned most, double seconds);

#endif
