/* io/http/http.h -- HTTP requests, many at a time, on one thread.
 *
 * Life cycle   http_create; http_start for each request; http_wait and http_next in turn
 *              until all of them have returned; http_destroy (drops running ones).
 * Threads      all calls on one thread, except http_wake, which may come from any.
 * Sinks        are called from http_wait. Inside one, http_start, http_cancel and
 *              http_resume of other transfers are allowed, and http_cancel of its own.
 * Redirects    are followed here, hop by hop (at most 10), never from https to http. The
 *              bearer token and extra headers go to the origin (scheme, host, port) of
 *              the first URL only, whatever the redirects say.
 * Ranges       a request with `ranged` sends "Range: bytes=begin-(end-1)". A reply
 *              that is `checked` is compared with the request (core/http/reply.h)
 *              before the first byte reaches the sink, so the sink sees only bytes
 *              that are meant for it, in order. More bytes than announced are a fault,
 *              and so is an early end.
 * Encodings    "Accept-Encoding: identity" is always sent and nothing is ever decoded.
 * Retries      none here, except that a request which failed on a kept connection before
 *              any byte of a reply arrived is sent once more on a fresh one.
 * Secrets      no error text contains a query, a password or a token. */
#ifndef IO_HTTP_HTTP_H
#define IO_HTTP_HTTP_H

#include <stddef.h>
#include <sys/types.h>

#include "base/strbuf.h"
#include "core/http/reply.h"

struct http;

struct http_config {
    unsigned connections; /* most at a time; further requests are queued */
    const char *user_agent;
    const char *proxy;  /* NULL: the usual environment variables, HTTP_PROXY too */
    const char *cacert; /* NULL: CURL_CA_BUNDLE, REQUESTS_CA_BUNDLE, SSL_CERT_FILE and
                             * SSL_CERT_DIR, else the system's */
    bool
        netrc; /* each host gets what netrc_file has for it, or, if that is NULL, ~/.netrc */
    const char *netrc_file;
    const char *cert, *key; /* files of a client certificate and its key, shown in hops
                                 * that are `own`; or NULL */
    const char *const *resolve; /* "HOST:PORT:ADDRESS", NULL at the end, or NULL */
    const char *interface;      /* name, host name or address to send from, or NULL */
    double connect_timeout;     /* seconds */
    uint64_t low_speed;         /* bytes per second ... */
    double low_speed_time; /* ... for so many seconds, rounded up, end a transfer. Paused
                             * time does not count. 0: never. A low_speed of 0 counts as
                             * 1, so that a silent transfer ends, too. */
};

enum http_redirect {
    HTTP_FOLLOW,         /* to the end */
    HTTP_STOP_AT_FOREIGN /* follow on the same origin; stop at another and report it */
};

/* Takes bytes of the body. Returns 0, HTTP_PAUSE (took nothing; call http_resume later),
 * or -1 to end the transfer as NET_LOCAL. */
enum { HTTP_PAUSE = 1 };

struct http_request {
    const char *url; /* http or https; copied */
    bool head;       /* HEAD instead of GET */
    enum http_redirect redirect;
    bool own; /* of the source's own origin, to which the client certificate is shown */
    const char *bearer;         /* token, or NULL; copied */
    const char *const *headers; /* "Name: value", NULL at the end, or NULL; borrowed until
                                 * the request has come back */
    bool ranged;                /* send a Range for want.range */
    bool fresh;                 /* not on a kept connection; to any address of the name,
                                 * where a kept one led to the first */
    bool checked;               /* compare the reply with want (ranged or whole) */
    bool probe;             /* stop after the headers, whatever body follows: no fault */
    struct reply_want want; /* etag borrowed until the request has come back */
    int (*sink)(void *owner, const void *bytes, size_t len);
    void *owner;       /* handed to the sink, and back in the response */
    size_t body_limit; /* no sink: keep so much of the body; more is NET_LOCAL */
};

struct http_response {
    void *owner;
    struct outcome outcome;
    struct err err;     /* set if it failed; for a status >= 300 only if checked */
    struct reply reply; /* of the last hop */
    uint64_t bytes;     /* of the body that reached the sink, or were kept */
    uint64_t end;       /* checked: the reply was good for [want.range.begin, end) */
    double seconds;     /* without the time it waited inside */
    double first_byte;  /* seconds until the last hop's reply began; 0: it did not */
    char *url;          /* where the last hop went; foreign: where it would go */
    bool foreign;       /* stopped at another origin */
    unsigned requests;  /* that went out: hops, and what was sent once more */
    unsigned hops;      /* redirects followed */
    char *body;         /* no sink, or status >= 300 (at most 16 KiB); NUL at the end */
    size_t body_len;
    char *link_next;     /* absolute URL of Link: <...>; rel="next", or NULL. The server
                          * chose it: compare its origin before sending a token there. */
    char *error_code;    /* X-Error-Code or NULL */
    char *error_message; /* X-Error-Message or NULL */
    char *request_id;    /* X-Request-Id or X-Amzn-Trace-Id, or NULL */
    char *warning;       /* X-HF-Warning or NULL; several are joined with ", " */
};

/* A transfer that runs or is queued; valid until its response was returned. */
struct http_transfer;

/* Where requests go whose server is not to be reached from here: to another process, as bytes
 * (io/http/http_code.h). Its calls return at once; they come on the thread of http, except
 * that http_wake tells of what there is to take. A sink of such a request must not pause. */
struct http_piece;

struct http_elsewhere {
    void *arg;
    bool (*is_first)(void *arg); /* requests are to go there without an attempt here */
    /* Takes over the bytes. false: not now. number tells it from others, and is not 0. */
    bool (*ask)(void *arg, uint32_t number, struct strbuf *bytes);
    /* The next that has come; false: none. */
    bool (*take)(void *arg, struct http_piece *piece);
    void (*go_on)(void *arg, uint32_t number); /* the sink has taken what came */
    void (*drop)(void *arg, uint32_t number);  /* nobody waits for it any more */
};

/* Of a request that went elsewhere: bytes of its body, for its sink; its response; or why it
 * cannot be made there either, as the end of a sentence. */
enum http_piece_kind { HTTP_PIECE_BODY, HTTP_PIECE_RESPONSE, HTTP_PIECE_NOBODY };

struct http_piece {
    uint32_t number;
    enum http_piece_kind kind;
    struct strbuf bytes;
};

/* ERR_USAGE for a proxy or a file of certificates that cannot be used. */
int http_create(struct http **out, const struct http_config *config, struct err *err);
void http_destroy(struct http *http);

/* Drop all requests. Connections stay for those that follow. */
void http_clear(struct http *http);

/* From now on; borrowed until http is destroyed. */
void http_set_elsewhere(struct http *http, const struct http_elsewhere *elsewhere);

/* ERR_USAGE for a URL, header (core/http/header_line.h) or token that cannot be sent. */
int http_start(struct http *http, const struct http_request *request,
               struct http_transfer **out, struct err *err);

/* Drop it: no sink call follows and no response is handed out. */
void http_cancel(struct http *http, struct http_transfer *transfer);

/* Ask a paused transfer's sink again, in the next http_wait. Others are left alone. */
void http_resume(struct http *http, struct http_transfer *transfer);

/* The local port of its connection, by which one tells whether two requests came over the
 * same; 0: none yet. */
unsigned http_port(const struct http_transfer *transfer);

/* Its connection is closed when it ends, and used for no other. */
void http_retire(struct http_transfer *transfer);

/* Move bytes, then wait for more, for http_wake, or so many seconds; 0 does not wait.
 * *moved says whether anything happened. */
int http_wait(struct http *http, double seconds, bool *moved, struct err *err);
void http_wake(struct http *http);

/* The next response, to be released by the caller; false: none yet. */
bool http_next(struct http *http, struct http_response *response);
void http_response_release(struct http_response *response);

/* One request from start to end, for rank 0 while no other request runs. Returns 0
 * whenever there is a response, which may report a failure. poll (may be NULL) is called
 * many times a second and ends the request as ERR_INTERRUPTED if it returns -1. */
int http_get(struct http *http, const struct http_request *request,
             struct http_response *response, int (*poll)(void *arg), void *arg,
             struct err *err);

/* Transfers that were started, and neither dropped nor returned by http_next. */
unsigned http_running(const struct http *http);

#endif
