/* io/http/http_wire.h -- single hops of HTTP through libcurl. Beside it only
 * io/http/sockets.c, io/http/proxy.c and io/http/url_join.c use libcurl.
 *
 * Life cycle   http_wire_create; http_wire_begin for each hop; http_wire_move, then
 *              http_wire_ended until it returns false; http_wire_end for each hop,
 *              whatever state it is in; http_wire_destroy once no hop is left.
 * Callbacks    come from http_wire_move and http_wire_resume. Inside one, no call but
 *              http_wire_wake is allowed.
 * Ownership    what struct http_wire_request points at stays until http_wire_end. */
#ifndef IO_HTTP_HTTP_WIRE_H
#define IO_HTTP_HTTP_WIRE_H

#include "io/http/exchange.h"

struct http_wire;
struct http_wire_hop;

struct http_wire_request {
    const char *url;
    bool head;
    bool ranged;
    struct range range;
    bool own;                   /* show the client certificate */
    const char *bearer;         /* or NULL */
    const char *const *headers; /* or NULL */
    const char *cookie;         /* what follows "Cookie: ", or NULL */
    bool fresh;                 /* not on a kept connection; to any address of the name */
    /* A header line, bytes of the body; a hop that was told EXCHANGE_STOP ends. */
    enum exchange_step (*line)(void *owner, const char *line, size_t len);
    enum exchange_step (*body)(void *owner, const void *bytes, size_t len);
    void *owner;
};

struct http_wire_end {
    void *owner;
    enum net_fault fault; /* set even if the hop was stopped on purpose */
    enum err_code code;
    const char *reason; /* good until the hop's http_wire_end */
    bool stale;         /* it broke on a kept connection */
    bool proxied;       /* a proxy was asked; not seen if that has the port of the URL */
};

/* config is borrowed for the call. */
int http_wire_create(struct http_wire **out, const struct http_config *config,
                     struct err *err);
void http_wire_destroy(struct http_wire *wire);

/* At most config->connections hops at a time. NULL: out of memory. */
struct http_wire_hop *http_wire_begin(struct http_wire *wire,
                                      const struct http_wire_request *request);
void http_wire_end(struct http_wire *wire, struct http_wire_hop *hop); /* or NULL */

/* As http_port and http_retire say. */
unsigned http_wire_port(const struct http_wire_hop *hop);
void http_wire_retire(struct http_wire_hop *hop);

/* Offer a paused hop its bytes again, at once. false: it has ended, *end says how. */
bool http_wire_resume(struct http_wire_hop *hop, struct http_wire_end *end);

int http_wire_move(struct http_wire *wire, struct err *err);
bool http_wire_ended(struct http_wire *wire, struct http_wire_end *end);

/* Wait for bytes, a time of libcurl's own, or http_wire_wake from any thread. */
void http_wire_wait(struct http_wire *wire, double seconds);
void http_wire_wake(struct http_wire *wire);

#endif
