/* A request or a response of any bytes, as a rank of another build could send it. What is taken
 * for one means the same when it is sent on. */
#include <stdlib.h>
#include <string.h>

#include "io/http/http_code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static int take(void *owner, const void *bytes, size_t len)
{
    (void)owner;
    (void)bytes;
    (void)len;
    return 0;
}

/* false: it is none. */
static bool pack_request(const void *bytes, size_t len, struct strbuf *out)
{
    struct http_code_request code;
    struct err err = { 0 };

    if (http_code_get_request(&code, bytes, len, &err) < 0) {
        require(err.code == ERR_DEFECT && !code.bytes && !code.headers);
        return false;
    }
    require(!code.request.sink && !code.request.checked);
    if (code.sink)
        code.request.sink = take;
    http_code_put_request(out, &code.request);
    http_code_request_release(&code);
    return true;
}

static void request(const void *bytes, size_t len)
{
    struct strbuf once = { 0 }, twice = { 0 };

    if (pack_request(bytes, len, &once)) {
        require(pack_request(once.data, once.len, &twice));
        require(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    }
    strbuf_release(&once);
    strbuf_release(&twice);
}

static void same_text(const char *one, const char *other)
{
    require(!one == !other && (!one || strcmp(one, other) == 0));
}

static void same(const struct http_response *one, const struct http_response *other)
{
    same_text(one->url, other->url);
    same_text(one->link_next, other->link_next);
    same_text(one->error_code, other->error_code);
    same_text(one->error_message, other->error_message);
    same_text(one->request_id, other->request_id);
    same_text(one->warning, other->warning);
    same_text(one->err.text, other->err.text);
    same_text(one->reply.content_type, other->reply.content_type);
    same_text(one->reply.etag, other->reply.etag);
    same_text(one->reply.date, other->reply.date);
    require(one->outcome.fault == other->outcome.fault &&
            one->outcome.progressed == other->outcome.progressed);
    require(one->err.code == other->err.code && one->err.reason == other->err.reason);
    require(one->foreign == other->foreign && one->body_len == other->body_len);
    require(!one->body == !other->body);
    require(!one->body || memcmp(one->body, other->body, one->body_len + 1) == 0);
}

static void response(const void *bytes, size_t len)
{
    struct http_response once = { 0 }, twice = { 0 };
    struct strbuf packed = { 0 };
    struct err err = { 0 };

    if (http_code_get_response(&once, bytes, len, &err) < 0) {
        require(err.code == ERR_DEFECT);
    } else {
        require(err_reason_name(once.err.reason) && once.err.code <= ERR_INTERRUPTED);
        http_code_put_response(&packed, &once);
        require(http_code_get_response(&twice, packed.data, packed.len, NULL) == 0);
        same(&once, &twice);
    }
    http_response_release(&once);
    http_response_release(&twice);
    strbuf_release(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0)
        (*data & 1 ? response : request)(data + 1, size - 1);
    return 0;
}
