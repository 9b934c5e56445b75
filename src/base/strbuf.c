#include "base/strbuf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `more` bytes and the NUL behind them. */
static bool reserve(struct strbuf *buf, size_t more)
{
    size_t need, cap;
    char *data;

    if (buf->failed)
        return false;
    if (more >= SIZE_MAX / 2 - buf->len)
        goto failed;
    need = buf->len + more + 1;
    if (need <= buf->cap)
        return true;
    cap = buf->cap + buf->cap / 2; /* 1.5: a plan of a million files is one buffer */
    if (cap < 64)
        cap = 64;
    if (cap < need)
        cap = need;
    data = realloc(buf->data, cap);
    if (!data)
        goto failed;
    buf->data = data;
    buf->cap = cap;
    return true;
failed:
    buf->failed = true;
    return false;
}

void strbuf_reserve(struct strbuf *buf, size_t more)
{
    if (reserve(buf, more))
        buf->data[buf->len] = '\0';
}

void strbuf_add(struct strbuf *buf, const void *bytes, size_t len)
{
    if (!reserve(buf, len))
        return;
    if (len > 0)
        memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void strbuf_adds(struct strbuf *buf, const char *text)
{
    strbuf_add(buf, text, strlen(text));
}

void strbuf_addf(struct strbuf *buf, const char *fmt, ...)
{
    enum { MOSTLY = 128 };
    va_list args;
    int len;

    if (!reserve(buf, MOSTLY))
        return;
    va_start(args, fmt);
    len = vsnprintf(buf->data + buf->len, buf->cap - buf->len, fmt, args);
    va_end(args);
    if (len >= 0 && (size_t)len >= buf->cap - buf->len) {
        if (!reserve(buf, (size_t)len)) {
            buf->data[buf->len] = '\0';
            return;
        }
        va_start(args, fmt);
        len = vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, args);
        va_end(args);
    }
    if (len < 0)
        buf->failed = true;
    else
        buf->len += (size_t)len;
    buf->data[buf->len] = '\0';
}

void strbuf_addu(struct strbuf *buf, uint64_t number)
{
    char digits[20], *first = digits + sizeof(digits);

    do
        *--first = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    strbuf_add(buf, first, (size_t)(digits + sizeof(digits) - first));
}

void strbuf_clear(struct strbuf *buf)
{
    buf->len = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

char *strbuf_steal(struct strbuf *buf)
{
    char *data;

    strbuf_add(buf, "", 0); /* so that nothing added is "" and not NULL */
    data = buf->failed ? NULL : buf->data;
    if (!data)
        free(buf->data);
    *buf = (struct strbuf){ 0 };
    return data;
}

void strbuf_release(struct strbuf *buf)
{
    if (!buf)
        return;
    free(buf->data);
    *buf = (struct strbuf){ 0 };
}
