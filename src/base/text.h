/* base/text.h -- small conversions between text and values. No call allocates but those
 * that take a strbuf. Nothing depends on the locale.
 *
 * text.c has numbers and characters, text_url.c URLs, text_date.c the dates of HTTP. */
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

/* The decimal digits at *at, at least one; *at moves behind them. false: none, or more
 * than 2^64-1, and *at stays. */
bool text_take_u64(const char **at, uint64_t *value);

/* "90", "1.5", ".5", "30s", "2m", "1h". Not negative, not infinite. */
bool text_to_seconds(const char *text, double *seconds);

/* "1.50 GiB" (rounded down), "12 B"; "0.3s", "1m05s", "2h00m05s", or "?" for what is
 * negative, infinite or no number. Return out. */
const char *text_bytes(char *out, size_t size, uint64_t bytes);
const char *text_seconds(char *out, size_t size, double seconds);

/* Lower-case hex; out has room for 2*len+1. */
void text_hex(char *out, const uint8_t *bytes, size_t len);
/* Exactly 2*len hex digits of either case, then the end of text. */
bool text_unhex(uint8_t *bytes, size_t len, const char *text);

/* Percent-encode all but A-Z a-z 0-9 _ . - ~ and the characters of keep. */
void text_quote(struct strbuf *buf, const char *text, const char *keep);
/* Undo it. A broken escape stays as it is, and so does %00: a text has no NUL inside. */
void text_unquote(struct strbuf *buf, const char *text);

bool text_is_utf8(const char *text, size_t len);

/* The code point at *at, which must not be the end of the text; *at moves behind it. A
 * byte outside UTF-8 is a code point of its own, 0xDC00 + byte, as in Python. */
uint32_t text_rune(const char **at);

/* C0, DEL and C1: what may move a cursor, colour a terminal or end a line. */
bool text_is_control(uint32_t rune);

/* Put '?' in place of control characters and of bytes that are no UTF-8; the text may get
 * shorter. */
void text_mask(char *text);

/* out holds size-1 bytes of a longer text: end it in "..." without cutting a character in
 * two. size is more than 4. */
void text_cut(char *out, size_t size);

/* The first len characters are equal, or would be if A-Z were a-z, or both end before. */
bool text_alike(const char *a, const char *b, size_t len);
bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);

/* A URL fit for a log: no user and password, no query, no fragment, masked as by
 * text_mask. Where the host is not clearly a host, nothing but the scheme is left. Always
 * NUL-terminated, cut with "..." if too long; size is more than 4. Returns out. */
const char *text_redact(char *out, size_t size, const char *url);

/* Same scheme (http or https), host and port (defaults 80 and 443), host without regard
 * to case. This is the test that decides whether a secret may be sent, so anything odd is
 * "not the same", even compared with itself. User and password make no difference. */
bool text_same_origin(const char *url, const char *other);

/* An HTTP date (RFC 9110 5.6.7, all three forms) to seconds since 1970; false: none.
 * Years of two digits are 1970 to 2069. */
bool text_http_date(const char *text, int64_t *seconds);

#endif
