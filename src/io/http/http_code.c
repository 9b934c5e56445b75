#include "io/http/http_code.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/state/wire.h"

enum flag {
    HEAD = 1,
    STOPS = 2, /* HTTP_STOP_AT_FOREIGN */
    RANGED = 4,
    FRESH = 8,
    PROBE = 16,
    SINK = 32,
    BEARER = 64,
    OWN = 128
};

static unsigned flags_of(const struct http_request *request)
{
    return (request->head ? HEAD : 0u) |
           (request->redirect == HTTP_STOP_AT_FOREIGN ? STOPS : 0u) |
           (request->ranged ? RANGED : 0u) | (request->fresh ? FRESH : 0u) |
           (request->probe ? PROBE : 0u) | (request->sink ? SINK : 0u) |
           (request->bearer ? BEARER : 0u) | (request->own ? OWN : 0u);
}

void http_code_put_request(struct strbuf *bytes, const struct http_request *request)
{
    uint32_t count = 0;

    while (request->headers && request->headers[count])
        count++;
    wire_put_uint(bytes, flags_of(request), 4);
    wire_put_uint(bytes, request->want.range.begin, 8);
    wire_put_uint(bytes, request->want.range.end, 8);
    wire_put_uint(bytes, request->body_limit, 8);
    wire_put_text(bytes, request->url);
    wire_put_text(bytes, request->bearer);
    wire_put_uint(bytes, count, 4);
    for (uint32_t i = 0; i < count; i++)
        wire_put_text(bytes, request->headers[i]);
}

static int get_headers(struct http_code_request *code, struct wire *wire)
{
    uint32_t count = (uint32_t)wire_get_uint(wire, 4);

    /* Each has a byte at least. */
    if (wire->cut_short || count > (size_t)(wire->end - wire->at))
        return -1;
    code->headers = calloc((size_t)count + 1, sizeof(*code->headers));
    if (!code->headers)
        return -1;
    for (uint32_t i = 0; i < count; i++)
        code->headers[i] = wire_get_text(wire);
    code->request.headers = code->headers;
    return 0;
}

int http_code_get_request(struct http_code_request *code, const void *bytes, size_t len,
                          struct err *err)
{
    struct http_request *request = &code->request;
    struct wire wire;
    unsigned flags;

    *code = (struct http_code_request){ .bytes = malloc(len + 1), .len = len };
    if (!code->bytes)
        return err_memory(err, "a request");
    memcpy(code->bytes, bytes, len);
    wire = (struct wire){ (const uint8_t *)code->bytes,
                          (const uint8_t *)code->bytes + len, false };
    flags = (unsigned)wire_get_uint(&wire, 4);
    code->sink = flags & SINK;
    *request = (struct http_request){
        .head = flags & HEAD,
        .redirect = flags & STOPS ? HTTP_STOP_AT_FOREIGN : HTTP_FOLLOW,
        .ranged = flags & RANGED,
        .fresh = flags & FRESH,
        .probe = flags & PROBE,
        .own = flags & OWN,
        .want.etag = "",
    };
    request->want.range.begin = wire_get_uint(&wire, 8);
    request->want.range.end = wire_get_uint(&wire, 8);
    request->body_limit = (size_t)wire_get_uint(&wire, 8);
    request->url = wire_get_text(&wire);
    request->bearer = wire_get_text(&wire);
    if (!(flags & BEARER))
        request->bearer = NULL;
    if (get_headers(code, &wire) == 0 && !wire.cut_short && wire.at == wire.end)
        return 0;
    http_code_request_release(code);
    return err_set(err, ERR_DEFECT, "a request from rank 0 cannot be read");
}

void http_code_request_release(struct http_code_request *code)
{
    if (code->bytes)
        explicit_bzero(code->bytes, code->len);
    free(code->bytes);
    free(code->headers);
    *code = (struct http_code_request){ 0 };
}

/* Those of a response that may be NULL. */
enum { TEXTS = 6 };

static void texts_of(struct http_response *response, char **text[TEXTS])
{
    text[0] = &response->url;
    text[1] = &response->link_next;
    text[2] = &response->error_code;
    text[3] = &response->error_message;
    text[4] = &response->request_id;
    text[5] = &response->warning;
}

/* What has neither texts nor pointers, as it lies in memory: all ranks run the same build on
 * machines of one kind. */
struct plain {
    struct outcome outcome;
    struct reply reply;
    uint64_t bytes, end;
    double seconds, first_byte;
    uint32_t requests, hops;
    int32_t code, reason;
    uint32_t foreign, body;
    uint64_t body_len;
    uint32_t has; /* a bit for each text */
};

void http_code_put_response(struct strbuf *bytes, const struct http_response *response)
{
    struct http_response copy = *response;
    char **text[TEXTS];
    struct plain plain;

    memset(&plain, 0, sizeof(plain)); /* the gaps as well */
    plain.outcome = response->outcome;
    plain.reply = response->reply;
    plain.bytes = response->bytes;
    plain.end = response->end;
    plain.seconds = response->seconds;
    plain.first_byte = response->first_byte;
    plain.requests = response->requests;
    plain.hops = response->hops;
    plain.code = (int32_t)response->err.code;
    plain.reason = (int32_t)response->err.reason;
    plain.foreign = response->foreign;
    plain.body = response->body != NULL;
    plain.body_len = response->body ? response->body_len : 0;
    texts_of(&copy, text);
    for (unsigned i = 0; i < TEXTS; i++)
        plain.has |= *text[i] ? 1u << i : 0u;
    strbuf_add(bytes, &plain, sizeof(plain));
    wire_put_text(bytes, response->err.text);
    for (unsigned i = 0; i < TEXTS; i++)
        wire_put_text(bytes, *text[i]);
    strbuf_add(bytes, response->body ? response->body : "", (size_t)plain.body_len);
}

static bool is_flag(const bool *flag)
{
    unsigned char byte;

    memcpy(&byte, flag, 1);
    return byte <= 1;
}

static bool ends(const char *text, size_t size)
{
    return memchr(text, 0, size) != NULL;
}

static bool is_sound(const struct plain *plain)
{
    const struct outcome *outcome = &plain->outcome;
    const struct reply *reply = &plain->reply;

    return outcome->fault >= NET_OK && outcome->fault <= NET_LOCAL &&
           is_flag(&outcome->located) && is_flag(&outcome->ranged) &&
           is_flag(&outcome->cuts) && is_flag(&outcome->progressed) &&
           is_flag(&outcome->proxied) && plain->code >= ERR_NONE &&
           plain->code <= ERR_INTERRUPTED && plain->reason >= REASON_NONE &&
           plain->reason < REASON_COUNT &&
           ends(reply->content_range, sizeof(reply->content_range)) &&
           ends(reply->content_type, sizeof(reply->content_type)) &&
           ends(reply->content_encoding, sizeof(reply->content_encoding)) &&
           ends(reply->etag, sizeof(reply->etag)) &&
           ends(reply->last_modified, sizeof(reply->last_modified)) &&
           ends(reply->date, sizeof(reply->date));
}

static int refuse_response(struct err *err)
{
    return err_set(err, ERR_DEFECT, "a reply for rank 0 cannot be read");
}

static int get_body(struct http_response *response, const struct plain *plain,
                    const struct wire *wire, struct err *err)
{
    size_t left = (size_t)(wire->end - wire->at);

    if (wire->cut_short || plain->body_len != left)
        return refuse_response(err);
    if (!plain->body)
        return 0;
    response->body = malloc(left + 1);
    if (!response->body)
        return err_memory(err, "a reply");
    memcpy(response->body, wire->at, left);
    response->body[left] = '\0';
    response->body_len = left;
    return 0;
}

int http_code_get_response(struct http_response *response, const void *bytes, size_t len,
                           struct err *err)
{
    struct wire wire = { bytes, (const uint8_t *)bytes + len, false };
    char **text[TEXTS];
    struct plain plain = { 0 };
    const char *why;

    *response = (struct http_response){ 0 };
    wire_get_bytes(&wire, &plain, sizeof(plain));
    if (!is_sound(&plain))
        return refuse_response(err);
    *response = (struct http_response){ .outcome = plain.outcome,
                                        .reply = plain.reply,
                                        .bytes = plain.bytes,
                                        .end = plain.end,
                                        .seconds = plain.seconds,
                                        .first_byte = plain.first_byte,
                                        .requests = plain.requests,
                                        .hops = plain.hops,
                                        .foreign = plain.foreign };
    why = wire_get_text(&wire);
    if (plain.code != ERR_NONE)
        err_set_why(&response->err, (enum err_code)plain.code,
                    (enum err_reason)plain.reason, "%s", why);
    texts_of(response, text);
    for (unsigned i = 0; i < TEXTS; i++) {
        const char *one = wire_get_text(&wire);

        if (!(plain.has & 1u << i))
            continue;
        *text[i] = strdup(one);
        if (!*text[i])
            return err_memory(err, "a reply");
    }
    return get_body(response, &plain, &wire, err);
}
