/* io/http/exchange.h -- one request and its reply, over all redirects ("hops"). It
 * knows nothing of libcurl: io/http/http.c feeds it header lines and bytes, and acts
 * on its answers.
 *
 * Life cycle   exchange_begin; then for each hop exchange_hop, exchange_line and
 *              exchange_body as they arrive, exchange_settle, and exchange_redirect if
 *              exchange_location says that there is another hop; then exchange_response
 *              once; exchange_release at any time.
 * Ownership    see struct http_request; what is borrowed there is borrowed here. */
#ifndef IO_HTTP_EXCHANGE_H
#define IO_HTTP_EXCHANGE_H

#include "core/http/cookies.h"
#include "core/http/headers.h"
#include "io/http/http.h"

/* Where the body of the hop goes. */
enum exchange_body {
    BODY_DROP, /* of a redirect or a probe: not needed */
    BODY_SINK,
    BODY_KEEP
};

enum exchange_step {
    EXCHANGE_GO,
    EXCHANGE_PAUSE, /* nothing was taken */
    EXCHANGE_STOP   /* end the transfer: it failed, or all is known */
};

struct exchange {
    struct http_request request; /* url and bearer: own copies */
    char *url;                   /* of this hop; absolute */
    unsigned hops, requests;
    bool foreign; /* url is where a redirect to another origin points */
    bool secrets; /* this hop goes to the origin of request.url */
    struct headers headers;
    struct cookies cookies; /* that the hops so far have set */
    struct strbuf cookie;   /* for this hop; "" if none */
    enum exchange_body to;
    bool stopped;      /* EXCHANGE_STOP was returned, which is no fault */
    uint64_t expected; /* checked: bytes of the body that were announced */
    uint64_t received; /* bytes that the sink took or that were kept */
    uint64_t dropped;
    struct strbuf kept;
    double began, replied, ended; /* clock_now; replied of the last hop, 0 if not */
    bool proxied;                 /* a proxy was asked, on the last hop */
    enum net_fault fault;         /* the first one counts */
    struct err err;
};

/* ERR_USAGE for a URL that is not http or https, and for a header or token that would
 * split the request. */
int exchange_begin(struct exchange *exchange, const struct http_request *request,
                   struct err *err);

/* A hop begins, to exchange->url. Also for a repetition of a hop. */
void exchange_hop(struct exchange *exchange);

enum exchange_step exchange_line(struct exchange *exchange, const char *line, size_t len);
enum exchange_step exchange_body(struct exchange *exchange, const void *bytes,
                                 size_t len);

/* Whether any part of a reply has arrived on this hop. */
bool exchange_replied(const struct exchange *exchange);

/* The hop has ended, with `fault` from the engine. Decides whether the reply is what
 * was requested. */
void exchange_settle(struct exchange *exchange, enum net_fault fault, enum err_code code,
                     const char *reason);

/* The Location to be resolved against url and handed to exchange_redirect, or NULL. */
const char *exchange_location(const struct exchange *exchange);

/* Takes target (malloc'd; NULL: it could not be resolved). true: exchange->url is the
 * next hop. false: this was the last one. */
bool exchange_redirect(struct exchange *exchange, char *target);

struct outcome exchange_outcome(const struct exchange *exchange);

/* Everything except link_next, which needs a URL parser. The response takes
 * over url and body. */
void exchange_response(struct exchange *exchange, struct http_response *response);

void exchange_release(struct exchange *exchange);

#endif
