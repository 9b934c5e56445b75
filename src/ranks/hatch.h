/* ranks/hatch.h -- between the thread that uses an http and the main thread, which alone may
 * send messages: what the http would have made elsewhere goes out, what comes of it goes in.
 *
 * Life cycle   hatch_open; the http hands out requests from then on; hatch_next for each of
 *              its orders, and hatch_end in the end for each request that was not dropped;
 *              hatch_close once the http is destroyed.
 * Threads      the calls here are for the main thread. */
#ifndef RANKS_HATCH_H
#define RANKS_HATCH_H

#include "io/http/http.h"
#include "io/lock.h"

struct hatch_piece;

struct hatch_ask {
    struct hatch_ask *next;
    uint32_t number;
    struct strbuf bytes; /* the request (io/http/http_code.h) */
    int to;              /* the caller's; -1 at first */
    struct hatch_piece *last;
};

enum hatch_kind { HATCH_ASK, HATCH_GO_ON, HATCH_DROP };

struct hatch_order {
    enum hatch_kind kind;
    uint32_t number;
    struct hatch_ask *ask; /* HATCH_ASK: it belongs to the receiver */
};

struct hatch {
    struct http *http;
    struct http_elsewhere elsewhere;
    struct lock lock;                 /* of all below */
    struct hatch_order *order;        /* of the http, oldest first */
    size_t orders, room, live;        /* live: requests that have not ended */
    struct hatch_piece *in, **in_end; /* for the http */
    bool first;                       /* nothing is to be tried here */
};

void hatch_open(struct hatch *hatch, struct http *http);
void hatch_close(struct hatch *hatch);

bool hatch_next(struct hatch *hatch, struct hatch_order *order);

/* Bytes of a body; false: out of memory, so it has to end. */
bool hatch_body(struct hatch *hatch, const struct hatch_ask *ask, const void *bytes,
                size_t len);

/* The end of a request, which always comes; ask is released. */
void hatch_end(struct hatch *hatch, struct hatch_ask *ask, enum http_piece_kind kind,
               const void *bytes, size_t len);

/* The end of one that the http has dropped before it came to that. ask is released. */
void hatch_drop(struct hatch *hatch, struct hatch_ask *ask);

/* A request that nobody waits for any more, as all of this ends. */
void hatch_forget(struct hatch_ask *ask);

/* From now on nothing is to be tried here; or again. */
void hatch_steer(struct hatch *hatch, bool first);

#endif
