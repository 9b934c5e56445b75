/* base/text.h -- small conversions between text and values. No call allocates but those
 * that take a strbuf. Nothing depends on the locale. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

#define countof(array) (sizeof(array) / sizeof((array)[0]))

/* "64M", "1.5GiB", "500k", "0": powers of 1024, case ignored, optional i and B.
 * false: not a size, negative, or more than 2^63-1. */
bool text_to_size(const char *text, uint64_t *bytes);

/* A whole decimal number and nothing else (no sign, no blanks). */
bool text_to_u64(const char *text, uint64_t *value);

/* "90", "1.5", "2m", "1h": seconds, s, m, h. Not negative, not infinite. */
bool text_to_seconds(const char *text, double *seconds);

/* "1.50 GiB", "12 B"; "1m05s", "0.3s". Return out. */
const char *text_bytes(char *out, size_t size, uint64_t bytes);
const char *text_seconds(char *out, size_t size, double seconds);

/* Lower-case hex; out has room for 2*len+1. */
void text_hex(char *out, const uint8_t *bytes, size_t len);
/* Exactly 2*len hex digits of either case, then the end of text. */
bool text_unhex(uint8_t *bytes, size_t len, const char *text);

/* Percent-encode all but A-Z a-z 0-9 _ . - ~ and the characters of keep. */
void text_quote(struct strbuf *buf, const char *text, const char *keep);
/* Undo it. A broken escape stays as it is. */
void text_unquote(struct strbuf *buf, const char *text);

bool text_is_utf8(const char *text, size_t len);
bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);

/* A URL fit for a log: no user and password, no query, no fragment, control characters as
 * '?'. Always NUL-terminated, cut with "..." if too long. Returns out. */
const char *text_redact(char *out, size_t size, const char *url);

/* Same scheme, host and port (defaults 80 and 443), host without regard to case. This is
 * the test that decides whether a secret may be sent, so anything odd is "not the same". */
bool text_same_origin(const char *url, const char *other);

/* A HTTP date (RFC 9110 5.6.7, all three forms) to seconds since 1970; false: none. */
bool text_http_date(const char *text, int64_t *seconds);

#endif
