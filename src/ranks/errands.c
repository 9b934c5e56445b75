#include "ranks/errands.h"

#include <stdlib.h>

#include "core/sched/scout.h"
#include "core/state/msg.h"
#include "io/http/http_code.h"
#include "ranks/mail.h"
#include "ranks/ranks.h"

enum { PIECE = 1 << 20 }; /* bytes of a body in one message */

struct errand {
    struct errand *next;
    struct errands *errands;
    uint32_t number;
    struct http_code_request code;
    struct http_transfer *transfer;
    struct strbuf body; /* has come, and was not sent */
    bool told;          /* that somebody answers */
    bool held;          /* until rank 0 has taken what was sent */
};

struct errands {
    struct ranks *ranks;
    int (*open)(void *arg, struct http **http, struct err *err);
    void *arg;
    struct http *http; /* NULL until it is needed */
    struct errand *first;
    struct mail_guest guest;
};

/* lost: this node does not reach the source. */
static void answer(struct errands *errands, uint32_t number, const struct strbuf *bytes,
                   bool whole, bool lost)
{
    const struct msg msg = { .kind = MSG_ANSWER,
                             .ticket = number,
                             .whole = whole,
                             .lost = lost,
                             .blob = bytes->data,
                             .blob_len = bytes->len };

    mail_send(errands->ranks, 0, &msg, NULL);
}

static void send_body(struct errand *errand)
{
    errand->held = true;
    answer(errand->errands, errand->number, &errand->body, false, false);
    strbuf_clear(&errand->body);
}

static int take_body(void *owner, const void *bytes, size_t len)
{
    struct errand *errand = owner;

    if (errand->held)
        return HTTP_PAUSE;
    strbuf_add(&errand->body, bytes, len);
    if (errand->body.failed)
        return -1;
    if (errand->body.len >= PIECE)
        send_body(errand);
    return 0;
}

static void free_errand(struct errand *errand)
{
    http_code_request_release(&errand->code);
    strbuf_release(&errand->body);
    free(errand);
}

static void remove_errand(struct errand *errand)
{
    struct errand **at = &errand->errands->first;

    while (*at && *at != errand)
        at = &(*at)->next;
    if (*at)
        *at = errand->next;
    free_errand(errand);
}

static struct errand *find(const struct errands *errands, uint32_t number)
{
    struct errand *errand = errands->first;

    while (errand && errand->number != number)
        errand = errand->next;
    return errand;
}

static void end(struct errand *errand, const struct http_response *response)
{
    struct errands *errands = errand->errands;
    struct strbuf bytes = { 0 };

    if (errand->body.len > 0)
        send_body(errand);
    http_code_put_response(&bytes, response);
    if (bytes.failed) /* what rank 0 then gets is no response, which is an error there */
        strbuf_clear(&bytes);
    answer(errands, errand->number, &bytes, true, scout_needed(&response->outcome));
    strbuf_release(&bytes);
    remove_errand(errand);
}

static void refuse(struct errands *errands, uint32_t number)
{
    const struct strbuf nothing = { 0 };

    answer(errands, number, &nothing, true, true);
}

static void begin(struct errands *errands, const struct msg *msg)
{
    struct errand *errand = calloc(1, sizeof(*errand));
    struct http_request *request;
    int rc = -1;

    if (errand) {
        errand->next = errands->first;
        errand->errands = errands;
        errand->number = msg->ticket;
        errands->first = errand;
        rc = http_code_get_request(&errand->code, msg->blob, (size_t)msg->blob_len, NULL);
    }
    if (rc == 0 && !errands->http)
        rc = errands->open(errands->arg, &errands->http, NULL);
    if (rc == 0) {
        request = &errand->code.request;
        request->sink = errand->code.sink ? take_body : NULL;
        request->owner = errand;
        rc = http_start(errands->http, request, &errand->transfer, NULL);
    }
    /* What cannot even begin here may elsewhere: with another proxy, say. */
    if (rc < 0)
        refuse(errands, msg->ticket);
    if (rc < 0 && errand)
        remove_errand(errand);
}

static void hear(void *arg, int from, const struct msg *msg)
{
    struct errands *errands = arg;
    struct errand *errand = find(errands, msg->ticket);

    if (from != 0)
        return;
    if (msg->kind == MSG_ASK && !errand)
        begin(errands, msg);
    if (msg->kind != MSG_ASK_ON || !errand)
        return;
    if (msg->at_once) {
        http_cancel(errands->http, errand->transfer);
        remove_errand(errand);
    } else {
        errand->held = false;
        http_resume(errands->http, errand->transfer);
    }
}

/* Rank 0 looks no further once a connection is there. */
static void tell(struct errands *errands)
{
    const struct strbuf nothing = { 0 };

    for (struct errand *errand = errands->first; errand; errand = errand->next) {
        if (errand->told || http_port(errand->transfer) == 0)
            continue;
        errand->told = true;
        answer(errands, errand->number, &nothing, false, false);
    }
}

static void refuse_all(struct errands *errands)
{
    struct errand *next;

    for (struct errand *errand = errands->first; errand; errand = next) {
        next = errand->next;
        refuse(errands, errand->number);
        http_cancel(errands->http, errand->transfer);
        free_errand(errand);
    }
    errands->first = NULL;
}

static void turn(void *arg)
{
    struct errands *errands = arg;
    struct http_response response;
    bool moved;

    if (!errands->first)
        return;
    if (http_wait(errands->http, 0, &moved, NULL) < 0)
        refuse_all(errands);
    tell(errands);
    while (http_next(errands->http, &response)) {
        end(response.owner, &response);
        http_response_release(&response);
    }
}

int errands_open(struct errands **out, struct ranks *ranks,
                 int (*open)(void *arg, struct http **http, struct err *err), void *arg,
                 struct err *err)
{
    struct errands *errands = calloc(1, sizeof(*errands));

    *out = errands;
    if (!errands)
        return err_memory(err, "requests for rank 0");
    errands->ranks = ranks;
    errands->open = open;
    errands->arg = arg;
    errands->guest = (struct mail_guest){ errands, turn, hear };
    ranks->guest = &errands->guest;
    return 0;
}

void errands_move(struct errands *errands, struct ranks *ranks, void *arg)
{
    if (!errands)
        return;
    errands->ranks = ranks;
    errands->arg = arg;
}

void errands_close(struct errands *errands)
{
    struct errand *next;

    if (!errands)
        return;
    errands->ranks->guest = NULL;
    http_destroy(errands->http);
    for (struct errand *errand = errands->first; errand; errand = next) {
        next = errand->next;
        free_errand(errand);
    }
    free(errands);
}
