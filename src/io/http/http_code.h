/* io/http/http_code.h -- requests and responses as bytes, for another process of the same
 * build that makes the request.
 *
 * Ownership    what was unpacked owns its texts, and is released by the call named here.
 * Secrets      the bytes of a request hold its token and its headers.
 * Errors       unpacking trusts nothing: ERR_DEFECT. */
#ifndef IO_HTTP_HTTP_CODE_H
#define IO_HTTP_HTTP_CODE_H

#include "io/http/http.h"

/* Of a request that is not `checked`. Its sink and owner stay behind; whether it has a sink
 * does not. */
void http_code_put_request(struct strbuf *bytes, const struct http_request *request);

struct http_code_request {
    struct http_request request;
    bool sink;
    char *bytes; /* what its texts lie in */
    size_t len;
    const char **headers;
};

int http_code_get_request(struct http_code_request *code, const void *bytes, size_t len,
                          struct err *err);
void http_code_request_release(struct http_code_request *code);

/* owner stays behind. */
void http_code_put_response(struct strbuf *bytes, const struct http_response *response);

/* To be released with http_response_release, also after an error. */
int http_code_get_response(struct http_response *response, const void *bytes, size_t len,
                           struct err *err);

#endif
