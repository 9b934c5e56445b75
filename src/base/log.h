/* base/log.h -- lines on stderr. Each line is formatted in memory, with
 * control characters masked, and written with one call, so that lines of many
 * ranks do not mix. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log {
    enum log_level level; /* lines above it are dropped */
    int rank;             /* put in front when >= 0 */
    bool bar;             /* a progress bar is on the last line: clear it first */
};

/* "mpifetch: rank 3: text\n", rank only where log->rank >= 0. */
void log_line(const struct log *log, enum log_level level, const char *fmt, ...)
    ERR_PRINTF(3, 4);

/* The text as it is, in one write; for progress. */
void log_raw(const char *text);

#endif
