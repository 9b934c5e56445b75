/* core/http/headers.h -- the header block of one reply, read line by line as it arrives.
 *
 * Life cycle   zeroed struct; headers_reset before each request; headers_line for each
 *              line until it returns HEADERS_END; then reply, fault and headers_text may
 *              be read; headers_release.
 * Ownership    the struct owns all text; it is valid until the next reset or release.
 * Interim      replies of class 1xx are skipped, and so is what follows the
 *              end (trailers). */
#ifndef CORE_HTTP_HEADERS_H
#define CORE_HTTP_HEADERS_H

#include "base/strbuf.h"
#include "core/http/reply.h"

enum headers_field {
    HEADERS_CONTENT_ENCODING,
    HEADERS_CONTENT_LENGTH,
    HEADERS_CONTENT_RANGE,
    HEADERS_CONTENT_TYPE,
    HEADERS_DATE,
    HEADERS_ETAG,
    HEADERS_LAST_MODIFIED,
    HEADERS_LINK,
    HEADERS_LOCATION,
    HEADERS_RATELIMIT,
    HEADERS_RETRY_AFTER,
    HEADERS_SET_COOKIE,
    HEADERS_TRANSFER_ENCODING,
    HEADERS_AMZN_TRACE_ID,
    HEADERS_ERROR_CODE,
    HEADERS_ERROR_MESSAGE,
    HEADERS_REQUEST_ID,
    HEADERS_WARNING,
    HEADERS_FIELDS
};

enum headers_step { HEADERS_MORE, HEADERS_END };

struct headers {
    struct reply reply; /* complete after HEADERS_END; status from the first line on */
    const char *fault;  /* static: why the block cannot be trusted; NULL if it can */
    bool begun, ended;
    size_t total; /* bytes of all lines so far, to limit them */
    struct strbuf value[HEADERS_FIELDS];
};

void headers_reset(struct headers *headers);

/* One line, with or without its line end. An empty one ends the block. */
enum headers_step headers_line(struct headers *headers, const char *line, size_t len);

/* The value without blanks around it, or NULL. Several lines of a list are joined with ",
 * ", those of Set-Cookie with a line feed; of other fields the first line counts. */
const char *headers_text(const struct headers *headers, enum headers_field field);

void headers_release(struct headers *headers);

#endif
