#include "io/http/away.h"

#include <string.h>

#include "core/sched/scout.h"
#include "io/http/http_code.h"

bool away_may_help(const struct exchange *exchange)
{
    const struct outcome outcome = exchange_outcome(exchange);

    return scout_needed(&outcome);
}

bool away_send(struct away *away, const struct http_elsewhere *elsewhere,
               const struct exchange *exchange, uint32_t number)
{
    struct strbuf bytes = { 0 };

    if (!elsewhere || away->alone || exchange->request.checked)
        return false;
    http_code_put_request(&bytes, &exchange->request);
    if (bytes.failed || !elsewhere->ask(elsewhere->arg, number, &bytes)) {
        if (bytes.data) /* a token, maybe */
            explicit_bzero(bytes.data, bytes.cap);
        strbuf_release(&bytes);
        return false;
    }
    away->number = number;
    return true;
}

/* What was not tried here is; else that failure is the one to tell of. */
static enum away_step stay(struct away *away, struct exchange *exchange, const char *why)
{
    struct err *err = &exchange->err, here = *err;

    away->number = 0;
    away->alone = true;
    if (exchange->fault == NET_OK && exchange->headers.reply.status == 0)
        return AWAY_HERE;
    if (here.code == ERR_NONE) /* the status says it */
        return AWAY_END;
    err_clear(err);
    err_set_why(err, here.code, here.reason, "%s; %s", here.text, why);
    return AWAY_END;
}

enum away_step away_take(struct away *away, const struct http_elsewhere *elsewhere,
                         struct exchange *exchange, struct http_piece *piece)
{
    const struct http_request *request = &exchange->request;
    struct strbuf *bytes = &piece->bytes;

    switch (piece->kind) {
    case HTTP_PIECE_NOBODY:
        return stay(away, exchange, bytes->data ? bytes->data : "");
    case HTTP_PIECE_RESPONSE:
        away->response = *bytes;
        *bytes = (struct strbuf){ 0 };
        break;
    case HTTP_PIECE_BODY:
        if (!bytes->failed &&
            request->sink(request->owner, bytes->data, bytes->len) == 0) {
            elsewhere->go_on(elsewhere->arg, away->number);
            return AWAY_WAIT;
        }
        elsewhere->drop(elsewhere->arg, away->number);
        err_set(&away->err, ERR_DEST, "cannot store the received bytes");
        break;
    }
    away->number = 0;
    away->ended = true;
    return AWAY_END;
}

bool away_response(struct away *away, void *owner, struct http_response *response)
{
    if (!away->ended)
        return false;
    *response = (struct http_response){ 0 };
    if (away->err.code == ERR_NONE)
        http_code_get_response(response, away->response.data ? away->response.data : "",
                               away->response.len, &away->err);
    if (away->err.code != ERR_NONE) {
        response->outcome.fault = NET_LOCAL;
        response->err = away->err;
    }
    response->owner = owner;
    return true;
}

void away_release(struct away *away, const struct http_elsewhere *elsewhere)
{
    if (away->number)
        elsewhere->drop(elsewhere->arg, away->number);
    strbuf_release(&away->response);
    *away = (struct away){ 0 };
}
