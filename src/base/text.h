/* base/text.h -- small conversions between text and values. No call
 * allocates, and nothing depends on the locale. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define countof(array) (sizeof(array) / sizeof((array)[0]))

/* "64M", "1.5GiB", "500k", "0": powers of 1024, case ignored, optional i and B.
 * false: not a size, negative, or more than 2^63-1. */
bool text_to_size(const char *text, uint64_t *bytes);

/* A whole decimal number and nothing else (no sign, no blanks). */
bool text_to_u64(const char *text, uint64_t *value);

/* The decimal digits at *at, at least one; *at moves behind them. false: none, or more
 * than 2^64-1, and *at stays. */
bool text_take_u64(const char **at, uint64_t *value);

/* Sixteen hex digits of either case. */
bool text_take_hex(const char **at, uint64_t *value);

/* "90", "1.5", ".5", "30s", "2m", "1h". Not negative, not infinite. */
bool text_to_seconds(const char *text, double *seconds);

/* "1.50 GiB" (rounded down), "12 B"; "0.3s", "1m05s", "2h00m05s", or "?" for a negative,
 * infinite or invalid number. Return out. */
const char *text_bytes(char *out, size_t size, uint64_t bytes);
const char *text_seconds(char *out, size_t size, double seconds);

/* Lower-case hex; out has room for 2*len+1. */
void text_hex(char *out, const uint8_t *bytes, size_t len);
/* Exactly 2*len hex digits of either case, then the end of text. */
bool text_unhex(uint8_t *bytes, size_t len, const char *text);

/* The first len characters are equal, or would be if A-Z were a-z, or both end before. */
bool text_alike(const char *a, const char *b, size_t len);
bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);

/* Appended, with padding (RFC 4648). Nothing of it stays elsewhere. */
struct strbuf;
void text_base64(struct strbuf *out, const char *bytes, size_t len);

#endif
