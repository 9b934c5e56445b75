#include "ranks/hatch.h"

#include <stdlib.h>
#include <string.h>

struct hatch_piece {
    struct hatch_piece *next;
    struct http_piece piece;
};

/* From here on the calls of the http. */

static bool is_first(void *arg)
{
    struct hatch *hatch = arg;
    bool first;

    lock_take(&hatch->lock);
    first = hatch->first;
    lock_leave(&hatch->lock);
    return first;
}

/* So that nothing the http has to say later lacks memory: of a request there are at most three
 * orders at a time. */
static bool make_room(struct hatch *hatch)
{
    size_t room = hatch->orders + 3 * (hatch->live + 1);
    struct hatch_order *order;

    if (room <= hatch->room)
        return true;
    order = realloc(hatch->order, room * sizeof(*order));
    if (!order)
        return false;
    hatch->order = order;
    hatch->room = room;
    return true;
}

static bool ask(void *arg, uint32_t number, struct strbuf *bytes)
{
    struct hatch *hatch = arg;
    struct hatch_ask *made = calloc(1, sizeof(*made));
    bool taken = false;

    if (made)
        made->last = calloc(1, sizeof(*made->last));
    lock_take(&hatch->lock);
    if (made && made->last)
        taken = make_room(hatch);
    if (taken) {
        made->number = number;
        made->to = -1;
        made->bytes = *bytes;
        hatch->order[hatch->orders++] = (struct hatch_order){ HATCH_ASK, number, made };
        hatch->live++;
    }
    lock_leave(&hatch->lock);
    if (!taken)
        hatch_forget(made);
    return taken;
}

static bool take(void *arg, struct http_piece *piece)
{
    struct hatch *hatch = arg;
    struct hatch_piece *first;

    lock_take(&hatch->lock);
    first = hatch->in;
    if (first && !(hatch->in = first->next))
        hatch->in_end = &hatch->in;
    if (first && first->piece.kind != HTTP_PIECE_BODY)
        hatch->live--;
    lock_leave(&hatch->lock);
    if (!first)
        return false;
    *piece = first->piece;
    free(first);
    return true;
}

static void add_order(struct hatch *hatch, enum hatch_kind kind, uint32_t number)
{
    lock_take(&hatch->lock);
    if (hatch->orders < hatch->room)
        hatch->order[hatch->orders++] = (struct hatch_order){ kind, number, NULL };
    lock_leave(&hatch->lock);
}

static void go_on(void *arg, uint32_t number)
{
    add_order(arg, HATCH_GO_ON, number);
}

static void drop(void *arg, uint32_t number)
{
    add_order(arg, HATCH_DROP, number);
}

/* And from here on those of the main thread. */

void hatch_open(struct hatch *hatch, struct http *http)
{
    *hatch = (struct hatch){ .http = http };
    hatch->elsewhere = (struct http_elsewhere){ hatch, is_first, ask, take, go_on, drop };
    hatch->in_end = &hatch->in;
    lock_init(&hatch->lock);
    http_set_elsewhere(http, &hatch->elsewhere);
}

void hatch_close(struct hatch *hatch)
{
    struct hatch_order order;
    struct http_piece piece;

    while (hatch_next(hatch, &order))
        hatch_forget(order.ask);
    while (take(hatch, &piece))
        strbuf_release(&piece.bytes);
    free(hatch->order);
    lock_destroy(&hatch->lock);
}

bool hatch_next(struct hatch *hatch, struct hatch_order *order)
{
    bool is;

    lock_take(&hatch->lock);
    is = hatch->orders > 0;
    if (is) {
        *order = hatch->order[0];
        memmove(hatch->order, hatch->order + 1, --hatch->orders * sizeof(*order));
    }
    lock_leave(&hatch->lock);
    return is;
}

static void give(struct hatch *hatch, struct hatch_piece *piece, uint32_t number,
                 enum http_piece_kind kind, const void *bytes, size_t len)
{
    *piece = (struct hatch_piece){ .piece = { .number = number, .kind = kind } };
    strbuf_add(&piece->piece.bytes, bytes, len);
    lock_take(&hatch->lock);
    *hatch->in_end = piece;
    hatch->in_end = &piece->next;
    lock_leave(&hatch->lock);
    http_wake(hatch->http);
}

bool hatch_body(struct hatch *hatch, const struct hatch_ask *ask, const void *bytes,
                size_t len)
{
    struct hatch_piece *piece = malloc(sizeof(*piece));

    if (piece)
        give(hatch, piece, ask->number, HTTP_PIECE_BODY, bytes, len);
    return piece != NULL;
}

void hatch_end(struct hatch *hatch, struct hatch_ask *ask, enum http_piece_kind kind,
               const void *bytes, size_t len)
{
    give(hatch, ask->last, ask->number, kind, bytes, len);
    ask->last = NULL;
    hatch_forget(ask);
}

void hatch_drop(struct hatch *hatch, struct hatch_ask *ask)
{
    lock_take(&hatch->lock);
    hatch->live--;
    lock_leave(&hatch->lock);
    hatch_forget(ask);
}

void hatch_forget(struct hatch_ask *ask)
{
    if (!ask)
        return;
    if (ask->bytes.data) /* it may contain a token */
        explicit_bzero(ask->bytes.data, ask->bytes.cap);
    strbuf_release(&ask->bytes);
    free(ask->last);
    free(ask);
}

void hatch_steer(struct hatch *hatch, bool first)
{
    lock_take(&hatch->lock);
    hatch->first = first;
    lock_leave(&hatch->lock);
}
