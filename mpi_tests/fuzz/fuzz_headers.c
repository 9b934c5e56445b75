/* The header block of a reply, line by line: what comes out is text that fits its place,
 * and a block that contradicts itself is not trusted. */
#include <stdlib.h>
#include <string.h>

#include "core/http/cookies.h"
#include "core/http/headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check(const struct headers *headers)
{
    const struct reply *reply = &headers->reply;
    const char *length = headers_text(headers, HEADERS_CONTENT_LENGTH);

    require(headers->ended);
    if (headers->fault)
        return;
    require(reply->status == 101 || (reply->status >= 200 && reply->status <= 999));
    require(reply->content_length >= -1);
    if (reply->content_length >= 0)
        require(length && strtoll(length, NULL, 10) == reply->content_length);
    for (int i = 0; i < HEADERS_FIELDS; i++) {
        const char *text = headers_text(headers, (enum headers_field)i);
        size_t len = text ? strlen(text) : 1;

        require(len > 0);
        require(!text || (!strchr(" \t", text[0]) && !strchr(" \t", text[len - 1])));
    }
}

/* What is sent back is one line, to where it came from. */
static void check_cookies(const struct headers *headers)
{
    const char *values = headers_text(headers, HEADERS_SET_COOKIE);
    struct cookies cookies = { 0 };
    struct strbuf here = { 0 }, elsewhere = { 0 };

    if (!values)
        return;
    require(cookies_take(&cookies, "https://a.example/x", values));
    cookies_add(&cookies, "https://a.example/y", &here);
    cookies_add(&cookies, "https://b.a.example/y", &elsewhere);
    require(elsewhere.len == 0);
    for (size_t i = 0; i < here.len; i++)
        require((unsigned char)here.data[i] >= 0x20 && here.data[i] != 0x7f);
    strbuf_release(&here);
    cookies_release(&cookies);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct headers headers = { 0 };
    size_t at = 0;
    bool ended = false;

    headers_reset(&headers);
    while (at < size) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t len = end ? (size_t)(end - data) + 1 - at : size - at;
        /* a copy of its own, so that reading past its end is seen */
        char *line = malloc(len + 1);

        if (!line)
            break;
        memcpy(line, data + at, len);
        line[len] = '\xff';
        require(headers_line(&headers, line, len) != HEADERS_END || !ended);
        ended = headers.ended;
        free(line);
        at += len;
    }
    /* libcurl refuses headers with a NUL: no more is asked then than to survive */
    if (ended && !memchr(data, '\0', size))
        check(&headers);
    check_cookies(&headers);
    headers_release(&headers);
    return 0;
}
