/* base/date.h -- the dates of HTTP. */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include <stdbool.h>
#include <stdint.h>

/* An HTTP date (RFC 9110 5.6.7, all three forms) to seconds since 1970; false: none.
 * Years of two digits are 1970 to 2069. */
bool date_from_http(const char *text, int64_t *seconds);

#endif
