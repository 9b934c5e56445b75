#include "io/http/exchange.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "core/http/header_line.h"
#include "core/http/redirect.h"
#include "io/clock.h"

enum {
    REFUSAL_MOST = 16 << 10, /* of the body of an error */
    DRAIN_MOST = 16 << 10    /* a shorter body is read to its end, as a new connection
                              * costs more */
};

static int refuse_nonsense(const struct http_request *request, struct err *err)
{
    char where[200];

    if (!text_alike(request->url, "http://", 7) &&
        !text_alike(request->url, "https://", 8))
        return err_set(err, ERR_USAGE, "'%s': not an http:// or https:// URL",
                       url_redact(where, sizeof(where), request->url));
    for (const char *c = request->bearer; c && *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return err_set(err, ERR_USAGE, "the token has a control character inside");
    for (size_t i = 0; request->headers && request->headers[i]; i++) {
        const char *fault = header_line_fault(request->headers[i]);

        if (fault) /* without the line, which may hold a secret */
            return err_set(err, ERR_USAGE, "header number %zu %s", i + 1, fault);
    }
    if (request->ranged && request->want.range.end <= request->want.range.begin)
        return err_set(err, ERR_DEFECT, "empty range requested");
    return 0;
}

int exchange_begin(struct exchange *exchange, const struct http_request *request,
                   struct err *err)
{
    *exchange = (struct exchange){ .request = *request };
    exchange->request.url = NULL;
    exchange->request.bearer = NULL;
    if (refuse_nonsense(request, err) < 0)
        return -1;
    exchange->request.url = strdup(request->url);
    exchange->url = strdup(request->url);
    if (request->bearer)
        exchange->request.bearer = strdup(request->bearer);
    if (!exchange->url || !exchange->request.url ||
        (request->bearer && !exchange->request.bearer)) {
        exchange_release(exchange);
        return err_memory(err, "request");
    }
    return 0;
}

void exchange_release(struct exchange *exchange)
{
    if (!exchange)
        return;
    if (exchange->request.bearer)
        explicit_bzero((char *)exchange->request.bearer,
                       strlen(exchange->request.bearer));
    free((char *)exchange->request.bearer);
    free((char *)exchange->request.url);
    free(exchange->url);
    headers_release(&exchange->headers);
    strbuf_release(&exchange->kept);
    strbuf_release(&exchange->cookie);
    cookies_release(&exchange->cookies);
    *exchange = (struct exchange){ 0 };
}

void exchange_hop(struct exchange *exchange)
{
    if (exchange->began == 0)
        exchange->began = clock_now();
    exchange->secrets =
        exchange->hops == 0 || url_same_origin(exchange->request.url, exchange->url);
    exchange->requests++;
    exchange->replied = 0;
    exchange->dropped = 0;
    exchange->stopped = false;
    headers_reset(&exchange->headers);
    strbuf_clear(&exchange->cookie);
    cookies_add(&exchange->cookies, exchange->url, &exchange->cookie);
}

bool exchange_replied(const struct exchange *exchange)
{
    return exchange->headers.begun;
}

static const char *where(const struct exchange *exchange, char *out, size_t size)
{
    char url[200];

    snprintf(out, size, "%s '%s'", exchange->request.head ? "HEAD" : "GET",
             url_redact(url, sizeof(url), exchange->url));
    return out;
}

/* Record a failure, unless there is one: "GET 'url': reason". */
static void set_fault(struct exchange *exchange, enum net_fault fault, enum err_code code,
                      const char *reason)
{
    char shown[220];

    if (exchange->fault != NET_OK)
        return;
    exchange->fault = fault;
    err_set(&exchange->err, code, "%s: %s", where(exchange, shown, sizeof(shown)),
            reason);
}

static enum exchange_step fail_exchange(struct exchange *exchange, enum net_fault fault,
                                        enum err_code code, const char *reason)
{
    set_fault(exchange, fault, code, reason);
    return EXCHANGE_STOP;
}

static enum exchange_step enough(struct exchange *exchange)
{
    exchange->stopped = true;
    return EXCHANGE_STOP;
}

const char *exchange_location(const struct exchange *exchange)
{
    if (exchange->fault != NET_OK || !exchange->headers.ended ||
        !redirect_status(exchange->headers.reply.status))
        return NULL;
    return headers_text(&exchange->headers, HEADERS_LOCATION);
}

static bool refused(const struct exchange *exchange)
{
    return exchange->headers.reply.status >= 300;
}

/* The header is whole: what will become of the body? */
static enum exchange_step judge(struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;
    const struct reply *reply = &exchange->headers.reply;
    bool passing = exchange_location(exchange) != NULL;
    char shown[220];
    uint64_t end = 0;

    if (exchange->headers.fault)
        return fail_exchange(exchange, NET_PROTOCOL, ERR_NETWORK,
                             exchange->headers.fault);
    if (reply->status < 200)
        return fail_exchange(exchange, NET_PROTOCOL, ERR_NETWORK,
                             "the server switched protocols");
    if (request->checked && !passing) {
        exchange->fault = reply_check(reply, &request->want, &end, &exchange->err);
        if (exchange->fault != NET_OK) {
            err_wrap(&exchange->err, "%s", where(exchange, shown, sizeof(shown)));
            return EXCHANGE_STOP;
        }
        exchange->expected = end - request->want.range.begin;
    }
    exchange->to = passing || request->probe || request->head ? BODY_DROP
                   : refused(exchange) || !request->sink      ? BODY_KEEP
                                                              : BODY_SINK;
    if (exchange->to == BODY_DROP && !request->head && reply->content_length > DRAIN_MOST)
        return enough(exchange);
    return EXCHANGE_GO;
}

enum exchange_step exchange_line(struct exchange *exchange, const char *line, size_t len)
{
    enum headers_step step = headers_line(&exchange->headers, line, len);

    if (exchange->replied == 0)
        exchange->replied = clock_now();
    return step == HEADERS_END ? judge(exchange) : EXCHANGE_GO;
}

static enum exchange_step keep_body(struct exchange *exchange, const void *bytes,
                                    size_t len)
{
    size_t most = refused(exchange) ? REFUSAL_MOST : exchange->request.body_limit;
    size_t room = most - exchange->kept.len;
    char reason[80];

    strbuf_add(&exchange->kept, bytes, len < room ? len : room);
    exchange->received = exchange->kept.len;
    if (exchange->kept.failed)
        return fail_exchange(exchange, NET_LOCAL, ERR_DEFECT,
                             "out of memory for the reply");
    if (len <= room)
        return EXCHANGE_GO;
    if (refused(exchange))
        return enough(exchange);
    snprintf(reason, sizeof(reason), "the reply is longer than %zu bytes", most);
    return fail_exchange(exchange, NET_LOCAL, ERR_SOURCE, reason);
}

static enum exchange_step sink(struct exchange *exchange, const void *bytes, size_t len)
{
    int rc = exchange->request.sink(exchange->request.owner, bytes, len);

    if (rc == HTTP_PAUSE)
        return EXCHANGE_PAUSE;
    if (rc < 0)
        return fail_exchange(exchange, NET_LOCAL, ERR_DEST,
                             "cannot store the received bytes");
    exchange->received += len;
    return EXCHANGE_GO;
}

enum exchange_step exchange_body(struct exchange *exchange, const void *bytes, size_t len)
{
    char reason[80];

    if (exchange->fault != NET_OK || exchange->stopped)
        return EXCHANGE_STOP; /* a paused transfer may come back after its end */
    if (exchange->to == BODY_DROP) {
        exchange->dropped += len;
        return exchange->dropped > DRAIN_MOST ? enough(exchange) : EXCHANGE_GO;
    }
    if (exchange->request.checked && !refused(exchange) &&
        len > exchange->expected - exchange->received) {
        snprintf(reason, sizeof(reason),
                 "received more than the announced %" PRIu64 " bytes",
                 exchange->expected);
        return fail_exchange(exchange, NET_RANGE, ERR_SOURCE, reason);
    }
    return exchange->to == BODY_KEEP ? keep_body(exchange, bytes, len)
                                     : sink(exchange, bytes, len);
}

/* Whether the engine's fault can be ignored once the header is complete: with a refusal,
 * or if nobody wants the body, all that matters is known. */
static bool excused(const struct exchange *exchange, enum net_fault fault)
{
    return fault != NET_LOCAL && (exchange->to == BODY_DROP || refused(exchange));
}

struct outcome exchange_outcome(const struct exchange *exchange)
{
    const char *limit = headers_text(&exchange->headers, HEADERS_RATELIMIT);

    return (struct outcome){
        .status = exchange->headers.reply.status,
        .fault = (int32_t)exchange->fault,
        .retry_after = retry_after(headers_text(&exchange->headers, HEADERS_RETRY_AFTER),
                                   headers_text(&exchange->headers, HEADERS_DATE),
                                   clock_wall() / 1000000000),
        .reset = limit ? retry_ratelimit(limit) : -1,
        .ranged = exchange->request.ranged,
        .progressed = exchange->received > 0,
        .proxied = exchange->proxied,
    };
}

/* A node that has an older version of the file. */
static bool lacks_the_range(const struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;

    return exchange->headers.reply.status == 416 && request->ranged &&
           request->want.digest;
}

/* The engine reports success. Is it what was requested? */
static void settle_checked(struct exchange *exchange)
{
    char shown[220], reason[100];
    struct outcome end;

    if (refused(exchange) && !exchange_location(exchange)) {
        /* The status is the outcome; another fault would say that it cannot be relied on. */
        if (lacks_the_range(exchange))
            exchange->fault = NET_STALE;
        end = exchange_outcome(exchange);
        err_set(&exchange->err, retry_blame(&end), "%s: %s",
                where(exchange, shown, sizeof(shown)), retry_meaning(&end));
    } else if (exchange->to != BODY_DROP && exchange->received < exchange->expected) {
        snprintf(reason, sizeof(reason),
                 "the connection was closed after %" PRIu64 " of %" PRIu64 " bytes",
                 exchange->received, exchange->expected);
        set_fault(exchange, NET_CUT, ERR_NETWORK, reason);
    }
}

/* The engine's texts vary with its version: our own text for the kind of
 * fault comes first. */
static void fail_of_engine(struct exchange *exchange, enum net_fault fault,
                           enum err_code code, const char *reason)
{
    const struct outcome kind = { .fault = (int32_t)fault };
    char both[400];

    snprintf(both, sizeof(both), "%s (%s)", retry_meaning(&kind), reason);
    set_fault(exchange, fault, code, fault == NET_LOCAL ? reason : both);
}

void exchange_settle(struct exchange *exchange, enum net_fault fault, enum err_code code,
                     const char *reason)
{
    exchange->ended = clock_now();
    if (exchange->fault != NET_OK)
        return;
    if (!exchange->stopped && fault != NET_OK &&
        !(exchange->headers.ended && excused(exchange, fault)))
        fail_of_engine(exchange, fault, code, reason);
    else if (!exchange->headers.ended)
        set_fault(exchange, NET_CUT, ERR_NETWORK, "the reply ended inside its header");
    else if (exchange->request.checked)
        settle_checked(exchange);
}

bool exchange_redirect(struct exchange *exchange, char *target)
{
    struct redirect redirect = {
        .first = exchange->request.url,
        .from = exchange->url,
        .to = target,
        .hops = exchange->hops,
        .stop_at_foreign = exchange->request.redirect == HTTP_STOP_AT_FOREIGN,
    };
    struct err err = { 0 };
    enum redirect_step step = redirect_decide(&redirect, &err);
    const char *cookies = headers_text(&exchange->headers, HEADERS_SET_COOKIE);

    if (cookies && !cookies_take(&exchange->cookies, exchange->url, cookies)) {
        err_memory(&err, "a cookie");
        step = REDIRECT_REFUSE;
    }
    if (step == REDIRECT_REFUSE) {
        set_fault(exchange, NET_REDIRECT, err.code, err.text);
        free(target);
        return false;
    }
    free(exchange->url);
    exchange->url = target;
    exchange->foreign = step == REDIRECT_STOP;
    if (step == REDIRECT_GO)
        exchange->hops++;
    return step == REDIRECT_GO;
}

static char *copy_of(const struct headers *headers, enum headers_field field)
{
    const char *text = headers_text(headers, field);

    return text ? strdup(text) : NULL;
}

void exchange_response(struct exchange *exchange, struct http_response *response)
{
    const struct http_request *request = &exchange->request;
    const struct headers *headers = &exchange->headers;
    bool checked = request->checked && exchange->fault == NET_OK && !refused(exchange);

    *response = (struct http_response){
        .owner = request->owner,
        .outcome = exchange_outcome(exchange),
        .err = exchange->err,
        .reply = headers->reply,
        .bytes = exchange->received,
        .end = request->want.range.begin + (checked ? exchange->expected : 0),
        .seconds = exchange->began > 0 ? exchange->ended - exchange->began : 0,
        .first_byte = exchange->replied > 0 ? exchange->replied - exchange->began : 0,
        .url = exchange->url,
        .foreign = exchange->foreign,
        .requests = exchange->requests,
        .hops = exchange->hops,
        .body_len = exchange->kept.len,
        .error_code = copy_of(headers, HEADERS_ERROR_CODE),
        .error_message = copy_of(headers, HEADERS_ERROR_MESSAGE),
        .request_id = copy_of(headers, HEADERS_REQUEST_ID),
        .warning = copy_of(headers, HEADERS_WARNING),
    };
    exchange->url = NULL;
    if (!response->request_id)
        response->request_id = copy_of(headers, HEADERS_AMZN_TRACE_ID);
    if (!request->sink || refused(exchange))
        response->body = strbuf_steal(&exchange->kept);
}
