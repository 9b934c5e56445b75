/* base/url.h -- URLs as text: percent escapes, a form fit for logs, and whether two URLs
 * have the same origin. Only the calls that take a strbuf allocate. */
#ifndef BASE_URL_H
#define BASE_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

/* Percent-encode all but A-Z a-z 0-9 _ . - ~ and the characters of keep. */
void url_quote(struct strbuf *buf, const char *text, const char *keep);
/* Undo it. A broken escape stays as it is, and so does %00: a text has no NUL inside. */
void url_unquote(struct strbuf *buf, const char *text);

/* A URL fit for a log: no user and password, no query, no fragment, masked as by
 * utf8_mask. If the host is not clearly a host, only the scheme is left. Always
 * NUL-terminated, cut with "..." if too long; size is more than 4. Returns out. */
const char *url_redact(char *out, size_t size, const char *url);

/* Same scheme (http or https), host and port (defaults 80 and 443), host without regard
 * to case. This is the test that decides whether a secret may be sent, so anything odd is
 * "not the same", even compared with itself. User and password make no difference. */
bool url_same_origin(const char *url, const char *other);

/* Where a http or https URL leads to; 0 for anything odd. */
unsigned url_port(const char *url);

#endif
