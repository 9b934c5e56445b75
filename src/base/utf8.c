#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* How many bytes the code point at p has; 0: not well-formed (Unicode, table 3-7). Never
 * looks behind a byte that does not belong, so a NUL ends it as well as `left`. */
static size_t decode(const unsigned char *p, size_t left, uint32_t *rune)
{
    /* The limits of the second byte shut out overlong forms, surrogates, and what is
     * beyond U+10FFFF. */
    static const struct {
        unsigned char first, last, low, high, more;
    } rows[] = {
        { 0xC2, 0xDF, 0x80, 0xBF, 1 }, { 0xE0, 0xE0, 0xA0, 0xBF, 2 },
        { 0xE1, 0xEC, 0x80, 0xBF, 2 }, { 0xED, 0xED, 0x80, 0x9F, 2 },
        { 0xEE, 0xEF, 0x80, 0xBF, 2 }, { 0xF0, 0xF0, 0x90, 0xBF, 3 },
        { 0xF1, 0xF3, 0x80, 0xBF, 3 }, { 0xF4, 0xF4, 0x80, 0x8F, 3 },
    };

    if (p[0] < 0x80) {
        *rune = p[0];
        return 1;
    }
    for (size_t i = 0; i < countof(rows); i++) {
        size_t more = rows[i].more;

        if (p[0] < rows[i].first || p[0] > rows[i].last)
            continue;
        if (left <= more || p[1] < rows[i].low || p[1] > rows[i].high)
            return 0;
        *rune = p[0] & (0x3Fu >> more);
        for (size_t k = 1; k <= more; k++) {
            if ((p[k] & 0xC0) != 0x80)
                return 0;
            *rune = *rune << 6 | (p[k] & 0x3Fu);
        }
        return more + 1;
    }
    return 0;
}

bool utf8_is_valid(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    uint32_t rune;

    while (len > 0) {
        size_t n = decode(p, len, &rune);

        if (n == 0)
            return false;
        p += n;
        len -= n;
    }
    return true;
}

uint32_t utf8_rune(const char **at)
{
    const unsigned char *p = (const unsigned char *)*at;
    uint32_t rune;
    size_t n = decode(p, SIZE_MAX, &rune);

    if (n == 0) {
        rune = 0xDC00u + p[0];
        n = 1;
    }
    *at += n;
    return rune;
}

bool utf8_is_control(uint32_t rune)
{
    return rune < 0x20 || (rune >= 0x7F && rune < 0xA0);
}

void utf8_mask(char *text)
{
    const char *at = text;
    char *out = text;

    while (*at) {
        const char *begin = at;
        uint32_t rune = utf8_rune(&at);
        size_t n = (size_t)(at - begin);

        if (utf8_is_control(rune) || (rune >= 0xDC80 && rune <= 0xDCFF)) {
            *out++ = '?';
        } else {
            memmove(out, begin, n);
            out += n;
        }
    }
    *out = '\0';
}

void utf8_cut(char *out, size_t size)
{
    size_t at = size - 4;

    while (at > 0 && ((unsigned char)out[at] & 0xC0) == 0x80)
        at--;
    memcpy(out + at, "...", 4);
}
