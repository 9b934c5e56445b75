/* Small conversions of foreign text; two texts with a NUL between them. */
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "base/utf8.h"

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void read_numbers(const char *text)
{
    uint8_t bytes[4];
    uint64_t value;
    double seconds;
    char out[64];

    if (text_to_size(text, &value))
        require(value <= INT64_MAX);
    if (text_to_u64(text, &value))
        text_bytes(out, sizeof(out), value);
    if (text_to_seconds(text, &seconds)) {
        require(seconds >= 0 && seconds <= DBL_MAX);
        text_seconds(out, sizeof(out), seconds);
    }
    if (text_unhex(bytes, sizeof(bytes), text)) {
        text_hex(out, bytes, sizeof(bytes));
        require(text_alike(out, text, SIZE_MAX));
    }
}

static void quote_and_back(const char *text)
{
    struct strbuf quoted = { 0 }, back = { 0 };

    strbuf_adds(&quoted, "");
    strbuf_adds(&back, "");
    url_quote(&quoted, text, "/");
    url_unquote(&back, quoted.data);
    require(strcmp(back.data, text) == 0);
    strbuf_clear(&back);
    url_unquote(&back, text);
    require(strlen(back.data) == back.len && back.len <= strlen(text));
    strbuf_release(&quoted);
    strbuf_release(&back);
}

static void redact(const char *text)
{
    char out[24], all[4096];

    url_redact(out, sizeof(out), text);
    url_redact(all, sizeof(all), text);
    require(!strchr(all, '#'));
    require(utf8_is_valid(out, strlen(out)) && utf8_is_valid(all, strlen(all)));
    for (const char *at = all; *at;)
        require(!utf8_is_control(utf8_rune(&at)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 2);
    const char *other;

    if (!text)
        return 0;
    memcpy(text, bytes, len);
    memset(text + len, 0, 2);
    other = text + strlen(text) + 1;
    read_numbers(text);
    quote_and_back(text);
    redact(text);
    require(url_same_origin(text, other) == url_same_origin(other, text));
    free(text);
    return 0;
}
