#include "core/http/headers.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { TOTAL_MOST = 256 << 10 };

/* What a second line of the same field means. */
enum repeat {
    FIRST, /* the first counts */
    JOIN,  /* they are one list */
    LINES, /* they belong together, but have commas of their own */
    SAME   /* they must agree: else another reader would see another body */
};

static const struct field {
    const char *name; /* lower case */
    enum repeat repeat;
} fields[HEADERS_FIELDS] = {
    [HEADERS_CONTENT_ENCODING] = { "content-encoding", JOIN },
    [HEADERS_CONTENT_LENGTH] = { "content-length", SAME },
    [HEADERS_CONTENT_RANGE] = { "content-range", SAME },
    [HEADERS_CONTENT_TYPE] = { "content-type", FIRST },
    [HEADERS_DATE] = { "date", FIRST },
    [HEADERS_ETAG] = { "etag", FIRST },
    [HEADERS_LAST_MODIFIED] = { "last-modified", FIRST },
    [HEADERS_LINK] = { "link", JOIN },
    [HEADERS_LOCATION] = { "location", FIRST },
    [HEADERS_RATELIMIT] = { "ratelimit", JOIN },
    [HEADERS_RETRY_AFTER] = { "retry-after", FIRST },
    [HEADERS_SET_COOKIE] = { "set-cookie", LINES },
    [HEADERS_TRANSFER_ENCODING] = { "transfer-encoding", JOIN },
    [HEADERS_AMZN_TRACE_ID] = { "x-amzn-trace-id", FIRST },
    [HEADERS_ERROR_CODE] = { "x-error-code", FIRST },
    [HEADERS_ERROR_MESSAGE] = { "x-error-message", FIRST },
    [HEADERS_REQUEST_ID] = { "x-request-id", FIRST },
    [HEADERS_WARNING] = { "x-hf-warning", JOIN },
};

void headers_reset(struct headers *headers)
{
    headers->reply = (struct reply){ .content_length = -1 };
    headers->fault = NULL;
    headers->begun = headers->ended = false;
    headers->total = 0;
    for (size_t i = 0; i < countof(headers->value); i++)
        strbuf_clear(&headers->value[i]);
}

void headers_release(struct headers *headers)
{
    if (!headers)
        return;
    for (size_t i = 0; i < countof(headers->value); i++)
        strbuf_release(&headers->value[i]);
}

const char *headers_text(const struct headers *headers, enum headers_field field)
{
    const struct strbuf *value = &headers->value[field];

    return value->len > 0 && !value->failed ? value->data : NULL;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

static void status_line(struct headers *headers, const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);
    const char *end = line + len;
    size_t total = headers->total;
    int status = 0, digits = 0;

    headers_reset(headers);
    headers->begun = true;
    headers->total = total; /* interim replies count: they might never end */
    while (space && space < end && *space == ' ')
        space++;
    for (; space && space < end && *space >= '0' && *space <= '9' && digits < 4; digits++)
        status = status * 10 + (*space++ - '0');
    if (digits != 3 || status < 100 || (space < end && *space != ' '))
        headers->fault = "the reply has no status line";
    else
        headers->reply.status = status;
}

static void keep_value(struct headers *headers, enum headers_field field,
                       const char *text, size_t len)
{
    struct strbuf *value = &headers->value[field];

    if (len == 0)
        return;
    if (value->len > 0 && fields[field].repeat == SAME &&
        (value->len != len || memcmp(value->data, text, len) != 0))
        headers->fault = field == HEADERS_CONTENT_LENGTH
                             ? "the reply has two different Content-Length headers"
                             : "the reply has two different Content-Range headers";
    if (value->len > 0 && fields[field].repeat != JOIN && fields[field].repeat != LINES)
        return;
    if (value->len > 0)
        strbuf_adds(value, fields[field].repeat == JOIN ? ", " : "\n");
    strbuf_add(value, text, len);
    if (value->failed)
        headers->fault = "out of memory for the header";
}

static void field_line(struct headers *headers, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    const char *end = line + len;

    if (!colon)
        return;
    len = (size_t)(colon - line);
    for (size_t i = 0; i < countof(fields); i++) {
        const char *text = colon + 1;

        if (strlen(fields[i].name) != len || !text_alike(fields[i].name, line, len))
            continue;
        while (text < end && blank(*text))
            text++;
        while (end > text && blank(end[-1]))
            end--;
        keep_value(headers, (enum headers_field)i, text, (size_t)(end - text));
        return;
    }
}

static void copy(char *out, size_t size, const struct headers *headers,
                 enum headers_field field)
{
    const char *text = headers_text(headers, field);

    snprintf(out, size, "%s", text ? text : "");
}

/* Cut off, it might be taken for another. */
static void copy_whole(char *out, size_t size, const struct headers *headers,
                       enum headers_field field)
{
    const char *text = headers_text(headers, field);

    snprintf(out, size, "%s", text && strlen(text) < size ? text : "");
}

static void block_end(struct headers *headers)
{
    struct reply *r = &headers->reply;
    const char *length = headers_text(headers, HEADERS_CONTENT_LENGTH);
    uint64_t value = 0;

    headers->ended = true;
    copy(r->content_range, sizeof(r->content_range), headers, HEADERS_CONTENT_RANGE);
    copy(r->content_type, sizeof(r->content_type), headers, HEADERS_CONTENT_TYPE);
    copy(r->content_encoding, sizeof(r->content_encoding), headers,
         HEADERS_CONTENT_ENCODING);
    copy_whole(r->etag, sizeof(r->etag), headers, HEADERS_ETAG);
    copy_whole(r->last_modified, sizeof(r->last_modified), headers,
               HEADERS_LAST_MODIFIED);
    copy(r->date, sizeof(r->date), headers, HEADERS_DATE);
    if (!length)
        return;
    if (!text_to_u64(length, &value) || value > INT64_MAX)
        headers->fault = "the reply has an invalid Content-Length";
    else if (!headers_text(headers, HEADERS_TRANSFER_ENCODING)) /* which overrides it */
        r->content_length = (int64_t)value;
}

enum headers_step headers_line(struct headers *headers, const char *line, size_t len)
{
    if (headers->ended)
        return HEADERS_MORE;
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    headers->total += len;
    if (headers->total > TOTAL_MOST) {
        headers->fault = "the reply header is too long";
        headers->ended = true;
        return HEADERS_END;
    }
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        status_line(headers, line, len);
        return HEADERS_MORE;
    }
    if (len > 0) {
        field_line(headers, line, len);
        return HEADERS_MORE;
    }
    /* 101 is final: no other protocol was requested. */
    if (!headers->fault && headers->reply.status < 200 && headers->reply.status != 101)
        return HEADERS_MORE;
    block_end(headers);
    return HEADERS_END;
}
