/* io/clock.h -- time. */
#ifndef IO_CLOCK_H
#define IO_CLOCK_H

#include <stdint.h>

double clock_now(void);    /* seconds, monotonic, from an origin of this machine */
int64_t clock_wall(void);  /* nanoseconds since 1970 */
double clock_random(void); /* [0, 1), for nothing secret */
void clock_sleep(double seconds);
double clock_cpu(void);    /* seconds of CPU this process has used */
uint64_t clock_peak(void); /* bytes: largest resident set so far */

#endif
