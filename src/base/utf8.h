/* base/utf8.h -- code points of UTF-8, and texts made fit to be shown. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool utf8_is_valid(const char *text, size_t len);

/* The code point at *at, which must not be the end of the text; *at moves behind it. A
 * byte outside UTF-8 is a code point of its own, 0xDC00 + byte, as in Python. */
uint32_t utf8_rune(const char **at);

/* C0, DEL and C1: what may move a cursor, colour a terminal or end a line. */
bool utf8_is_control(uint32_t rune);

/* Replace control characters and bytes that are not UTF-8 by '?'; the text
 * may get shorter. */
void utf8_mask(char *text);

/* out holds size-1 bytes of a longer text: end it in "..." without cutting a character in
 * two. size is more than 4. */
void utf8_cut(char *out, size_t size);

#endif
