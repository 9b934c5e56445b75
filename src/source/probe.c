#include "source/probe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "io/clock.h"

enum { FLIGHT = 64 }; /* probes at a time; http has its own limit of connections below */

static const double longest_wait = 0.05; /* seconds: a signal is answered within that */

struct slot {
    struct probe *probe;            /* NULL: free */
    struct http_transfer *transfer; /* NULL: waits until `due` */
    bool plain;                     /* asked without a range */
    bool secret;                    /* the token went along */
    unsigned attempt;               /* tries so far */
    double due;
};

struct flight {
    struct ask *ask;
    struct slot slots[FLIGHT];
    unsigned used;
    double hold; /* nothing is started before: the server asked for a pause */
};

static int settle_size(struct probe *probe, uint64_t size, struct err *err)
{
    if (probe->sized && probe->size != size)
        return err_set(err, ERR_SOURCE,
                       "the file has %ju bytes, but the list says it has %ju",
                       (uintmax_t)size, (uintmax_t)probe->size);
    probe->size = size;
    probe->sized = true;
    return 0;
}

/* The length of a body that is the whole file; UINT64_MAX if the reply does not say. */
static uint64_t whole_length(const struct reply *reply)
{
    bool encoded =
        reply->content_encoding[0] && strcmp(reply->content_encoding, "identity") != 0;

    return encoded || reply->content_length < 0 ? UINT64_MAX
                                                : (uint64_t)reply->content_length;
}

int probe_read(struct probe *probe, const struct reply *reply, bool *plain,
               struct err *err)
{
    struct content_range range = { UINT64_MAX, UINT64_MAX, UINT64_MAX };
    bool ranged = reply_content_range(reply->content_range, &range);
    uint64_t size = reply->status == 200 ? whole_length(reply) : range.total;
    char etag[sizeof(reply->etag) + sizeof("date:")];
    bool asked_plain = *plain;

    /* a 416 for the first byte means an empty file, or a broken server; so does an empty
     * 200, which is trusted only without a range in the request */
    *plain = (reply->status == 416 && !(ranged && range.total == 0)) ||
             (reply->status == 200 && size == 0 && !asked_plain);
    if (*plain)
        return 0;
    if (size != UINT64_MAX && settle_size(probe, size, err) < 0)
        return -1;
    if (!probe->sized)
        return err_set(err, ERR_SOURCE,
                       "the server does not report the size of the file");
    probe->whole = reply->status == 200 || size == UINT64_MAX || range.begin != 0;
    reply_validator(reply, etag, sizeof(etag));
    free(probe->etag);
    probe->etag = strdup(etag);
    return probe->etag ? 0 : err_memory(err, "a validator");
}

static int start(struct flight *flight, struct slot *slot, struct err *err)
{
    struct http_request request = { .probe = true,
                                    .ranged = !slot->plain,
                                    .want = { .range = { 0, 1 }, .etag = "" },
                                    .owner = slot };

    ask_address(flight->ask, slot->probe->url, &request);
    slot->secret = request.bearer != NULL;
    slot->attempt++;
    flight->ask->count->probe++;
    return http_start(flight->ask->http, &request, &slot->transfer, err);
}

/* Some proxies answer every request with a page of their own. Only a digest
 * proves the content. */
static void doubt(const struct flight *flight, const struct http_response *response,
                  const char *shown)
{
    const struct source_config *config = flight->ask->config;
    const char *name = strrchr(shown, '/');
    struct strbuf text = { 0 };

    if (!config->notice || !text_starts(response->reply.content_type, "text/html") ||
        !name || strstr(name, ".htm"))
        return;
    strbuf_addf(&text, "'%s' returns an HTML page (a login page or a proxy?)", shown);
    if (!text.failed)
        config->notice(config->notice_arg, text.data);
    strbuf_release(&text);
}

/* The probe failed. The slot keeps it if another attempt may help. */
static int defer(struct flight *flight, struct slot *slot, const char *shown,
                 const struct http_response *response, struct err *err)
{
    struct ask_verdict verdict;

    if (ask_judge(flight->ask, shown, response, slot->secret, slot->attempt, &verdict,
                  err) < 0)
        return -1;
    if (!verdict.again)
        return err_set(err, ERR_SOURCE,
                       "'%s': unexpected HTTP %d in reply to a request for a file", shown,
                       response->outcome.status);
    slot->due = clock_now() + verdict.delay;
    if (verdict.hold && slot->due > flight->hold)
        flight->hold = slot->due;
    return 0;
}

static bool is_answer(const struct outcome *outcome)
{
    return outcome->fault == NET_OK &&
           (outcome->status == 200 || outcome->status == 206 || outcome->status == 416);
}

/* The reply to slot's request is there. */
static int receive(struct flight *flight, struct slot *slot,
                   const struct http_response *response, struct err *err)
{
    char shown[256];
    bool plain = slot->plain;

    url_redact(shown, sizeof(shown), slot->probe->url);
    slot->transfer = NULL;
    if (!is_answer(&response->outcome))
        return defer(flight, slot, shown, response, err);
    ask_warning(flight->ask, response);
    if (probe_read(slot->probe, &response->reply, &plain, err) < 0)
        return err_wrap(err, "'%s'", shown);
    if (plain && slot->plain)
        return source_refusal_plain(shown, response, err);
    if (plain) {
        slot->plain = true;
        slot->due = 0;
        return 0;
    }
    doubt(flight, response, shown);
    slot->probe = NULL;
    flight->used--;
    return 0;
}

/* Fill free slots, start what is due. *until: when the next one is. */
static int launch(struct flight *flight, struct probe *(*next)(void *arg), void *arg,
                  bool *more, double *until, struct err *err)
{
    double now = clock_now();

    *until = now + longest_wait;
    for (size_t i = 0; i < FLIGHT; i++) {
        struct slot *slot = &flight->slots[i];

        if (!slot->probe && *more) {
            *slot = (struct slot){ .probe = next(arg) };
            *more = slot->probe != NULL;
            flight->used += *more;
        }
        if (!slot->probe || slot->transfer)
            continue;
        if (slot->due < flight->hold)
            slot->due = flight->hold;
        if (slot->due < *until && slot->due > now)
            *until = slot->due;
        if (slot->due <= now && start(flight, slot, err) < 0)
            return -1;
    }
    return 0;
}

static int land(struct flight *flight, struct err *err)
{
    struct http_response response;
    int rc = 0;

    while (rc == 0 && http_next(flight->ask->http, &response)) {
        rc = receive(flight, response.owner, &response, err);
        http_response_release(&response);
    }
    return rc;
}

static int rest(struct flight *flight, double until, struct err *err)
{
    double left = until - clock_now();
    bool moved;

    if (flight->used == 0)
        return 0;
    if (left < 0)
        left = 0;
    if (http_running(flight->ask->http) == 0)
        return ask_wait(flight->ask, left, err);
    return http_wait(flight->ask->http, left, &moved, err);
}

int probe_all(struct ask *ask, struct probe *(*next)(void *arg), void *arg,
              struct err *err)
{
    struct flight flight = { .ask = ask };
    double until = 0;
    bool more = true;
    int rc = 0;

    while (rc == 0 && (more || flight.used > 0)) {
        rc = ask_poll(ask, err);
        if (rc == 0)
            rc = launch(&flight, next, arg, &more, &until, err);
        if (rc == 0)
            rc = rest(&flight, until, err);
        if (rc == 0)
            rc = land(&flight, err);
    }
    for (size_t i = 0; i < FLIGHT; i++)
        if (flight.slots[i].probe && flight.slots[i].transfer)
            http_cancel(ask->http, flight.slots[i].transfer);
    return rc;
}
