#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

enum {
    /* A write of up to 4096 bytes to a pipe is atomic; the rest is for the
     * prefix and suffix. */
    TEXT_MOST = 3968,
    LINE_MOST = 4096
};

/* One write, unless the system takes less. A stderr that cannot be written is no reason
 * to fail, and there is nowhere to say so. */
static void put(const char *bytes, size_t len)
{
    int saved = errno;

    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        bytes += n;
        len -= (size_t)n;
    }
    errno = saved;
}

void log_line(const struct log *log, enum log_level level, const char *fmt, ...)
{
    char text[TEXT_MOST], line[LINE_MOST], rank[32] = "";
    int saved = errno;
    va_list args;
    int len;

    if (level > log->level)
        return;
    va_start(args, fmt);
    len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (len >= (int)sizeof(text))
        utf8_cut(text, sizeof(text));
    utf8_mask(text);
    if (log->rank >= 0)
        snprintf(rank, sizeof(rank), "rank %d: ", log->rank);
    /* to the first column, and erase to the end of the line */
    len = snprintf(line, sizeof(line), "%smpifetch: %s%s\n", log->bar ? "\r\033[K" : "",
                   rank, text);
    put(line, (size_t)len);
    errno = saved;
}

void log_raw(const char *text)
{
    put(text, strlen(text));
}
