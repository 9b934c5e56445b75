/* base/strbuf.h -- text that grows. After a failure all further calls do nothing.
 *
 * Life cycle   zeroed struct, strbuf_add*, then strbuf_steal or strbuf_release.
 * Ownership    data belongs to the buffer until stolen. It always ends in a NUL that len
 *              does not count; it is NULL while nothing was added.
 * Errors       running out of memory sets failed, so a caller checks once, at the end. */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct strbuf {
    char *data;
    size_t len, cap;
    bool failed;
};

void strbuf_add(struct strbuf *buf, const void *bytes, size_t len);
/* Room for so many bytes more, which the caller writes to data + len and then counts. */
void strbuf_reserve(struct strbuf *buf, size_t more);
void strbuf_adds(struct strbuf *buf, const char *text);
void strbuf_addf(struct strbuf *buf, const char *fmt, ...) ERR_PRINTF(2, 3);
void strbuf_addu(struct strbuf *buf, uint64_t number); /* in decimal */

/* Empty, memory kept. */
void strbuf_clear(struct strbuf *buf);

/* The text, to be freed by the caller, "" if nothing was added; NULL if anything failed.
 * The buffer is empty afterwards. */
char *strbuf_steal(struct strbuf *buf);
void strbuf_release(struct strbuf *buf);

#endif
