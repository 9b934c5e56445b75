/* io/http/away.h -- a request that another process makes (struct http_elsewhere), as
 * io/http/http.c keeps it beside its exchange.
 *
 * Life cycle   zeroed struct; away_send; away_take for each piece that comes, until it says
 *              what is next; away_response; away_release at any time. */
#ifndef IO_HTTP_AWAY_H
#define IO_HTTP_AWAY_H

#include "io/http/exchange.h"

struct away {
    uint32_t number; /* while it is under way; else 0 */
    bool alone;      /* nobody else can make it */
    bool ended;      /* with a response from there, or what is wrong: */
    struct strbuf response;
    struct err err;
};

/* Whether the exchange has failed in a way in which it might not elsewhere. */
bool away_may_help(const struct exchange *exchange);

/* false: it is to be made here, or has failed for good. */
bool away_send(struct away *away, const struct http_elsewhere *elsewhere,
               const struct exchange *exchange, uint32_t number);

enum away_step {
    AWAY_WAIT, /* for more */
    AWAY_HERE, /* it is to be made here after all */
    AWAY_END   /* with a response from there; or without, as the exchange says */
};
enum away_step away_take(struct away *away, const struct http_elsewhere *elsewhere,
                         struct exchange *exchange, struct http_piece *piece);

/* Hand over the response from elsewhere; false: there is none. */
bool away_response(struct away *away, void *owner, struct http_response *response);

void away_release(struct away *away, const struct http_elsewhere *elsewhere);

#endif
