#include "io/http/http.h"

#include <assert.h>
#include <stdlib.h>

#include "core/http/link_header.h"
#include "io/http/away.h"
#include "io/http/exchange.h"
#include "io/http/http_wire.h"
#include "io/http/url_join.h"

enum state {
    WAITING, /* for a free connection */
    RUNNING,
    AWAY,      /* another process makes the request */
    CANCELLED, /* from inside a callback, where the wire must not be called */
    DONE,
    STATES
};

enum flow { FLOWING, PAUSED, RESUMED };

struct http_transfer {
    struct http *http;
    enum state state;
    enum flow flow;
    struct http_transfer *next, *before;
    struct http_wire_hop *hop; /* RUNNING and CANCELLED only */
    bool fresh;                /* this hop is tried a second time */
    struct exchange exchange;
    struct away away;
};

struct list {
    struct http_transfer *first, *last;
    unsigned count;
};

struct http {
    struct http_wire *wire;
    unsigned connections;
    struct list list[STATES];
    unsigned resumed; /* transfers in flow RESUMED */
    bool inside;      /* maybe in a callback: hops must not end */
    bool moved;
    const struct http_elsewhere *elsewhere; /* or NULL */
    uint32_t numbers;                       /* given to requests that went there */
};

static void list_add(struct list *list, struct http_transfer *t)
{
    t->next = NULL;
    t->before = list->last;
    *(list->last ? &list->last->next : &list->first) = t;
    list->last = t;
    list->count++;
}

static void list_remove(struct list *list, struct http_transfer *t)
{
    *(t->before ? &t->before->next : &list->first) = t->next;
    *(t->next ? &t->next->before : &list->last) = t->before;
    list->count--;
}

/* The one place where a transfer changes its state, and its list with it. */
static void enter(struct http_transfer *t, enum state state)
{
    static const unsigned may_follow[STATES] = {
        [WAITING] = 1u << RUNNING | 1u << AWAY,
        [RUNNING] = 1u << CANCELLED | 1u << DONE | 1u << AWAY,
        [AWAY] = 1u << RUNNING | 1u << CANCELLED | 1u << DONE,
    };

    assert(may_follow[t->state] & 1u << state);
    list_remove(&t->http->list[t->state], t);
    t->state = state;
    list_add(&t->http->list[state], t);
}

static void set_flow(struct http_transfer *t, enum flow flow)
{
    t->http->resumed -= t->flow == RESUMED;
    t->http->resumed += flow == RESUMED;
    t->flow = flow;
}

static void discard(struct http_transfer *t)
{
    set_flow(t, FLOWING);
    list_remove(&t->http->list[t->state], t);
    http_wire_end(t->http->wire, t->hop);
    away_release(&t->away, t->http->elsewhere);
    exchange_release(&t->exchange);
    free(t);
}

static void discard_all(struct list *list)
{
    struct http_transfer *next;

    for (struct http_transfer *t = list->first; t; t = next) {
        next = t->next;
        discard(t);
    }
}

static enum exchange_step on_line(void *owner, const char *line, size_t len)
{
    struct http_transfer *t = owner;

    t->http->moved = true;
    return t->state == RUNNING ? exchange_line(&t->exchange, line, len) : EXCHANGE_STOP;
}

static enum exchange_step on_body(void *owner, const void *bytes, size_t len)
{
    struct http_transfer *t = owner;
    enum exchange_step step = EXCHANGE_STOP;

    if (t->state == RUNNING)
        step = exchange_body(&t->exchange, bytes, len);
    if (step == EXCHANGE_PAUSE)
        set_flow(t, PAUSED);
    else
        t->http->moved = true;
    return step;
}

static void begin_hop(struct http_transfer *t)
{
    const struct http_request *asked = &t->exchange.request;
    struct http_wire_request request = {
        .url = t->exchange.url,
        .head = asked->head,
        .ranged = asked->ranged,
        .range = asked->want.range,
        .fresh = t->fresh || asked->fresh,
        .line = on_line,
        .body = on_body,
        .owner = t,
    };

    exchange_hop(&t->exchange);
    if (t->exchange.cookie.len > 0)
        request.cookie = t->exchange.cookie.data;
    if (t->exchange.secrets) {
        request.own = asked->own;
        request.bearer = asked->bearer;
        request.headers = asked->headers;
    }
    t->hop = http_wire_begin(t->http->wire, &request);
    if (t->hop)
        return;
    exchange_settle(&t->exchange, NET_LOCAL, ERR_DEFECT, "out of memory for the request");
    enter(t, DONE);
}

static bool send_away(struct http_transfer *t)
{
    struct http *http = t->http;

    if (++http->numbers == 0)
        http->numbers++;
    if (!away_send(&t->away, http->elsewhere, &t->exchange, http->numbers))
        return false;
    enter(t, AWAY);
    return true;
}

/* Whether the transfer continues with another hop, or this one once more. */
static bool next_hop(struct http_transfer *t, const struct http_wire_end *end)
{
    struct exchange *exchange = &t->exchange;
    const char *location;

    /* If a kept connection broke before any reply, the server is not at fault. */
    if (end->stale && !t->fresh && !exchange_replied(exchange)) {
        t->fresh = true;
        return true;
    }
    t->fresh = false;
    exchange->proxied = end->proxied;
    exchange_settle(exchange, end->fault, end->code, end->reason);
    location = exchange_location(exchange);
    return location && exchange_redirect(exchange, url_join(exchange->url, location));
}

static void end_hop(const struct http_wire_end *end)
{
    struct http_transfer *t = end->owner;
    bool more = next_hop(t, end);

    t->http->moved = true;
    set_flow(t, FLOWING);
    http_wire_end(t->http->wire, t->hop);
    t->hop = NULL;
    if (more)
        begin_hop(t);
    else if (!away_may_help(&t->exchange) || !send_away(t))
        enter(t, DONE);
}

static void ask_again(struct http_transfer *t)
{
    struct http *http = t->http;
    struct http_wire_end end;
    bool going;

    set_flow(t, FLOWING);
    http->moved = http->inside = true;
    going = http_wire_resume(t->hop, &end);
    http->inside = false;
    if (!going && t->state == RUNNING)
        end_hop(&end);
}

static void ask_resumed(struct http *http)
{
    /* Limited: two sinks that resume each other must not loop here. A sink may change the
     * list, so each search starts anew. */
    for (unsigned n = http->resumed; n > 0; n--) {
        struct http_transfer *t = http->list[RUNNING].first;

        while (t && t->flow != RESUMED)
            t = t->next;
        if (t)
            ask_again(t);
    }
}

static void drop_cancelled(struct http *http)
{
    discard_all(&http->list[CANCELLED]);
}

static void begin_waiting(struct http *http)
{
    const struct http_elsewhere *elsewhere = http->elsewhere;

    while (http->list[WAITING].first &&
           http->list[RUNNING].count + http->list[AWAY].count < http->connections) {
        struct http_transfer *t = http->list[WAITING].first;

        if (elsewhere && elsewhere->is_first(elsewhere->arg) && send_away(t))
            continue;
        enter(t, RUNNING);
        begin_hop(t);
    }
}

static void take_piece(struct http_transfer *t, struct http_piece *piece)
{
    struct http *http = t->http;
    enum away_step step;

    http->moved = http->inside = true;
    step = away_take(&t->away, http->elsewhere, &t->exchange, piece);
    http->inside = false;
    if (t->state != AWAY || step == AWAY_WAIT)
        return;
    enter(t, step == AWAY_HERE ? RUNNING : DONE);
    if (step == AWAY_HERE)
        begin_hop(t);
}

static void take_pieces(struct http *http)
{
    const struct http_elsewhere *elsewhere = http->elsewhere;
    struct http_piece piece;

    while (elsewhere && elsewhere->take(elsewhere->arg, &piece)) {
        struct http_transfer *t = http->list[AWAY].first;

        while (t && t->away.number != piece.number)
            t = t->next;
        if (t)
            take_piece(t, &piece);
        strbuf_release(&piece.bytes);
    }
}

static int move_bytes(struct http *http, struct err *err)
{
    struct http_wire_end end;
    int rc;

    ask_resumed(http);
    take_pieces(http);
    drop_cancelled(http);
    begin_waiting(http);
    http->inside = true;
    rc = http_wire_move(http->wire, err);
    http->inside = false;
    drop_cancelled(http);
    while (http_wire_ended(http->wire, &end))
        end_hop(&end);
    return rc;
}

int http_wait(struct http *http, double seconds, bool *moved, struct err *err)
{
    int rc;

    http->moved = false;
    rc = move_bytes(http, err);
    if (rc == 0 && !http->moved && seconds > 0) {
        http_wire_wait(http->wire, seconds);
        rc = move_bytes(http, err);
    }
    *moved = http->moved;
    return rc;
}

void http_set_elsewhere(struct http *http, const struct http_elsewhere *elsewhere)
{
    http->elsewhere = elsewhere;
}

void http_wake(struct http *http)
{
    http_wire_wake(http->wire);
}

int http_start(struct http *http, const struct http_request *request,
               struct http_transfer **out, struct err *err)
{
    struct http_transfer *t = calloc(1, sizeof(*t));

    *out = NULL;
    if (!t)
        return err_memory(err, "request");
    t->http = http;
    if (exchange_begin(&t->exchange, request, err) < 0) {
        free(t);
        return -1;
    }
    list_add(&http->list[WAITING], t);
    *out = t;
    return 0;
}

void http_cancel(struct http *http, struct http_transfer *transfer)
{
    if (!transfer || transfer->state == CANCELLED)
        return;
    if (http->inside && (transfer->state == RUNNING || transfer->state == AWAY))
        enter(transfer, CANCELLED);
    else
        discard(transfer);
}

void http_resume(struct http *http, struct http_transfer *transfer)
{
    assert(transfer->http == http);
    if (transfer->flow == PAUSED)
        set_flow(transfer, RESUMED);
}

unsigned http_port(const struct http_transfer *transfer)
{
    return transfer->hop ? http_wire_port(transfer->hop) : 0;
}

void http_retire(struct http_transfer *transfer)
{
    if (transfer->hop)
        http_wire_retire(transfer->hop);
}

bool http_next(struct http *http, struct http_response *response)
{
    struct http_transfer *t = http->list[DONE].first;
    struct strbuf next = { 0 };
    const char *link;

    if (!t)
        return false;
    if (away_response(&t->away, t->exchange.request.owner, response)) {
        discard(t);
        return true;
    }
    exchange_response(&t->exchange, response);
    link = headers_text(&t->exchange.headers, HEADERS_LINK);
    if (link && link_header_next(link, &next))
        response->link_next = url_join(response->url, next.data);
    strbuf_release(&next);
    discard(t);
    return true;
}

void http_response_release(struct http_response *response)
{
    if (!response)
        return;
    free(response->url);
    free(response->body);
    free(response->link_next);
    free(response->error_code);
    free(response->error_message);
    free(response->request_id);
    free(response->warning);
    *response = (struct http_response){ 0 };
}

int http_get(struct http *http, const struct http_request *request,
             struct http_response *response, int (*poll)(void *arg), void *arg,
             struct err *err)
{
    struct http_transfer *transfer;
    bool moved;

    if (http_start(http, request, &transfer, err) < 0)
        return -1;
    while (!http_next(http, response)) {
        int rc = 0;

        if (poll && poll(arg) < 0)
            rc = err_set(err, ERR_INTERRUPTED, "interrupted");
        if (rc == 0)
            rc = http_wait(http, 0.05, &moved, err);
        if (rc < 0) {
            http_cancel(http, transfer);
            return -1;
        }
    }
    return 0;
}

unsigned http_running(const struct http *http)
{
    return http->list[WAITING].count + http->list[RUNNING].count +
           http->list[AWAY].count + http->list[DONE].count;
}

int http_create(struct http **out, const struct http_config *config, struct err *err)
{
    struct http_config some = *config;
    struct http *http = calloc(1, sizeof(*http));

    *out = NULL;
    if (!http)
        return err_memory(err, "http");
    if (some.connections == 0)
        some.connections = 1;
    http->connections = some.connections;
    if (http_wire_create(&http->wire, &some, err) < 0) {
        free(http);
        return -1;
    }
    *out = http;
    return 0;
}

void http_clear(struct http *http)
{
    for (size_t i = 0; i < STATES; i++)
        discard_all(&http->list[i]);
}

void http_destroy(struct http *http)
{
    if (!http)
        return;
    http_clear(http);
    http_wire_destroy(http->wire);
    free(http);
}
