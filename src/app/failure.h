/* app/failure.h -- the sentence on stderr with which a run that failed ends. */
#ifndef APP_FAILURE_H
#define APP_FAILURE_H

#include <stdbool.h>
#include <stddef.h>

#include "mpifetch.h"

enum { FAILURE_TEXT = 544 }; /* bytes, always enough */

/* false: not this rank prints it. */
bool failure_text(const struct mpifetch_report *report, int rank, char *text,
                  size_t size);

#endif
