#include "base/text.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool text_take_u64(const char **at, uint64_t *value)
{
    const char *p = *at;
    uint64_t sum = 0;

    if (!is_digit(*p))
        return false;
    for (; is_digit(*p); p++) {
        uint64_t digit = (uint64_t)(*p - '0');

        if (sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    *at = p;
    return true;
}

bool text_to_u64(const char *text, uint64_t *value)
{
    uint64_t sum;

    if (!text_take_u64(&text, &sum) || *text != '\0')
        return false;
    *value = sum;
    return true;
}

/* "K", "KB", "Ki", "KiB", "B" or nothing, of either case. */
static bool size_unit(const char *text, uint64_t *unit)
{
    static const char letters[] = "kmgtpe";
    const char *letter = *text ? strchr(letters, lower(*text)) : NULL;

    *unit = 1;
    if (letter) {
        *unit = (uint64_t)1 << (10 * (letter - letters + 1));
        text++;
        if (lower(*text) == 'i')
            text++;
    }
    if (lower(*text) == 'b')
        text++;
    return *text == '\0';
}

bool text_to_size(const char *text, uint64_t *bytes)
{
    const char *fraction, *end;
    uint64_t whole, unit, part = 0;

    if (!text_take_u64(&text, &whole))
        return false;
    fraction = end = text;
    if (*text == '.') {
        fraction = end = text + 1;
        while (is_digit(*end))
            end++;
        if (end == fraction)
            return false;
    }
    if (!size_unit(end, &unit) || (end != text && unit == 1))
        return false;
    /* Exact: rounding down at each digit, from the last to the first, is rounding down
     * once. 10 units of an exbibyte still fit into 64 bits. */
    for (const char *p = end; p > fraction; p--)
        part = ((uint64_t)(p[-1] - '0') * unit + part) / 10;
    if (whole > INT64_MAX / unit || whole * unit > INT64_MAX - part)
        return false;
    *bytes = whole * unit + part;
    return true;
}

bool text_to_seconds(const char *text, double *seconds)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 } };
    double sum = 0, scale = 1;

    if (!is_digit(*text) && *text != '.')
        return false;
    for (; is_digit(*text); text++)
        sum = sum * 10 + (*text - '0');
    if (*text == '.') {
        if (!is_digit(*++text))
            return false;
        for (; is_digit(*text); text++) {
            sum = sum * 10 + (*text - '0');
            scale *= 10;
        }
    }
    for (size_t i = 0; i < countof(units); i++) {
        double value = sum / scale * units[i].seconds;

        if (strcmp(text, units[i].name) == 0 && value <= DBL_MAX) {
            *seconds = value;
            return true;
        }
    }
    return false;
}

const char *text_bytes(char *out, size_t size, uint64_t bytes)
{
    static const char *const names[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    uint64_t kib = bytes, rest = 0;
    size_t i = 0;

    if (bytes < 1024) {
        snprintf(out, size, "%u B", (unsigned)bytes);
        return out;
    }
    /* The point of "%f" would be the locale's. */
    for (;; i++) {
        rest = kib % 1024;
        kib /= 1024;
        if (kib < 1024)
            break;
    }
    snprintf(out, size, "%u.%02u %s", (unsigned)kib, (unsigned)(rest * 100 / 1024),
             names[i]);
    return out;
}

const char *text_seconds(char *out, size_t size, double seconds)
{
    const double most = 1e15;
    uint64_t tenths, whole;

    if (!(seconds >= 0 && seconds <= most)) {
        snprintf(out, size, "?");
        return out;
    }
    tenths = (uint64_t)(seconds * 10 + 0.5);
    whole = (tenths + 5) / 10;
    if (tenths < 600)
        snprintf(out, size, "%u.%us", (unsigned)(tenths / 10), (unsigned)(tenths % 10));
    else if (whole < 3600)
        snprintf(out, size, "%um%02us", (unsigned)(whole / 60), (unsigned)(whole % 60));
    else
        snprintf(out, size, "%lluh%02um%02us", (unsigned long long)(whole / 3600),
                 (unsigned)(whole / 60 % 60), (unsigned)(whole % 60));
    return out;
}

void text_hex(char *out, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

static int hex_digit(char c)
{
    static const uint8_t above[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
        ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
        ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
        ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    };

    return above[(unsigned char)c] - 1;
}

bool text_unhex(uint8_t *bytes, size_t len, const char *text)
{
    for (size_t i = 0; i < len; i++, text += 2) {
        int high = hex_digit(text[0]);
        int low = high < 0 ? -1 : hex_digit(text[1]);

        if (low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return *text == '\0';
}

bool text_take_hex(const char **at, uint64_t *value)
{
    uint64_t found = 0;

    for (int i = 0; i < 16; i++) {
        int digit = hex_digit((*at)[i]);

        if (digit < 0)
            return false;
        found = found << 4 | (uint64_t)digit;
    }
    *value = found;
    *at += 16;
    return true;
}

bool text_alike(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (lower(a[i]) != lower(b[i]))
            return false;
        if (a[i] == '\0')
            break;
    }
    return true;
}

bool text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *text, const char *suffix)
{
    size_t len = strlen(text), most = strlen(suffix);

    return len >= most && strcmp(text + len - most, suffix) == 0;
}

void text_base64(struct strbuf *out, const char *bytes, size_t len)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i < 3 ? len - i : 3;
        uint32_t three = 0;
        char four[4] = { '=', '=', '=', '=' };

        for (size_t k = 0; k < 3; k++)
            three = three << 8 | (k < left ? (unsigned char)bytes[i + k] : 0);
        for (size_t k = 0; k <= left; k++)
            four[k] = digits[three >> (18 - 6 * k) & 63];
        strbuf_add(out, four, sizeof(four));
    }
}
