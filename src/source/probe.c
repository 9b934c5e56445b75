#include "source/probe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "io/clock.h"

enum {
    FLIGHT = 64,   /* probes at a time; http has its own limit of connections below */
    STALE_MOST = 2 /* further requests after a size that is not that of the list */
};

/* Of a file whose server does not tell: a stream may have no end. */
static const uint64_t counted_most = UINT64_C(64) << 30;

static const double longest_wait = 0.05; /* seconds: a signal is answered within that */

struct slot {
    bool used;
    struct probe probe;
    struct http_transfer *transfer; /* NULL: waits until `due` */
    bool plain;                     /* asked without a range */
    bool unlucky;                   /* a range failed in a way that may pass */
    bool answered;                  /* but a request without one did not */
    bool counting;                  /* all of the file, to learn its size */
    unsigned stale;                 /* replies about another version */
    int32_t refused;                /* with which status ranges were */
    bool secret;                    /* the token went along */
    unsigned attempt;               /* tries so far */
    double due;
};

struct flight {
    struct ask *ask;
    const struct probe_list *list;
    struct slot slots[FLIGHT];
    unsigned used;
    double hold; /* nothing is started before: the server asked for a pause */
};

void probe_release(struct probe *probe)
{
    free(probe->url);
    free(probe->etag);
    *probe = (struct probe){ 0 };
}

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
static uint64_t whole_length(const struct probe *probe, const struct reply *reply)
{
    bool encoded = !probe->digest && !reply_is_plain(reply->content_encoding);

    return encoded || reply->content_length < 0 ? UINT64_MAX
                                                : (uint64_t)reply->content_length;
}

int probe_read(struct probe *probe, const struct reply *reply, bool *plain,
               struct err *err)
{
    struct content_range range = { UINT64_MAX, UINT64_MAX, UINT64_MAX };
    bool ranged = reply_content_range(reply->content_range, &range);
    uint64_t size = reply->status == 200 ? whole_length(probe, reply) : range.total;
    char etag[REPLY_VALIDATOR];
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
    reply_validator(reply, etag);
    free(probe->etag);
    probe->etag = strdup(etag);
    return probe->etag ? 0 : err_memory(err, "a validator");
}

static int count_bytes(void *owner, const void *bytes, size_t len)
{
    struct slot *slot = owner;

    (void)bytes;
    slot->probe.size += len;
    return slot->probe.size > counted_most ? -1 : 0;
}

static int start(struct flight *flight, struct slot *slot, struct err *err)
{
    struct http_request request = { .probe = !slot->counting,
                                    .ranged = !slot->plain,
                                    .fresh = slot->stale > 0,
                                    .want = { .range = { 0, 1 }, .etag = "" },
                                    .owner = slot };

    if (slot->counting) {
        request.sink = count_bytes;
        slot->probe.size = 0;
    }
    ask_address(flight->ask, slot->probe.url, &request);
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

static int ask_at_once(struct slot *slot, bool plain)
{
    slot->plain = plain;
    slot->due = 0;
    return 0;
}

static int end_probe(struct flight *flight, struct slot *slot, const char *shown,
                     struct err *err)
{
    char why[80];
    int rc;

    if (slot->refused) {
        snprintf(why, sizeof(why),
                 "the server refuses ranges (HTTP %d): fetching the file whole",
                 (int)slot->refused);
        ask_tell(flight->ask, shown, why);
    }
    rc = flight->list->found(flight->list->arg, &slot->probe, err);
    probe_release(&slot->probe);
    slot->used = false;
    flight->used--;
    return rc;
}

/* The probe failed. The slot keeps it if another attempt may help: without a range, if
 * that may be what the server refuses. */
static int defer(struct flight *flight, struct slot *slot, const char *shown,
                 const struct http_response *response, struct err *err)
{
    int32_t status = response->outcome.status;
    struct ask_verdict verdict;

    if (slot->answered) {
        slot->refused = status;
        return end_probe(flight, slot, shown, err);
    }
    if (slot->counting && slot->probe.size > counted_most)
        return err_set(err, ERR_SOURCE,
                       "'%s': the server does not report the size of the file, which is "
                       "more than 64 GiB",
                       shown);
    if (ask_judge(flight->ask, shown, response, slot->secret, slot->attempt, &verdict,
                  err) < 0)
        return -1;
    if (verdict.whole) {
        slot->refused = status;
        return ask_at_once(slot, true);
    }
    if (!verdict.again)
        return err_set(err, ERR_SOURCE,
                       "'%s': unexpected HTTP %d in reply to a request for a file", shown,
                       (int)status);
    if (!slot->counting && (status == 500 || status == 501 || status == 503)) {
        slot->plain = !slot->plain;
        slot->unlucky = true;
    }
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

/* The reply says nothing that can be planned with. A digest makes it worth while to ask
 * again: other nodes may have another version, and all of the file tells its size. */
static int doubted(const struct flight *flight, struct slot *slot,
                   const struct http_response *response)
{
    const struct probe *probe = &slot->probe;

    if (probe->digest && probe->sized && slot->stale++ < STALE_MOST) {
        slot->due = clock_now() + flight->ask->config->retry.first_delay;
        return 0;
    }
    if (probe->digest && !probe->sized && response->reply.status == 200) {
        slot->counting = true;
        return ask_at_once(slot, true);
    }
    return -1;
}

/* All of the file has come. */
static int counted(struct flight *flight, struct slot *slot, const char *shown,
                   struct err *err)
{
    slot->probe.sized = slot->probe.whole = true;
    return end_probe(flight, slot, shown, err);
}

/* The reply to slot's request is there. */
static int receive(struct flight *flight, struct slot *slot,
                   const struct http_response *response, struct err *err)
{
    char shown[256];
    bool plain = slot->plain;
    struct err why = { 0 };

    url_redact(shown, sizeof(shown), slot->probe.url);
    slot->transfer = NULL;
    if (!is_answer(&response->outcome))
        return defer(flight, slot, shown, response, err);
    ask_warning(flight->ask, response);
    if (slot->counting)
        return counted(flight, slot, shown, err);
    if (probe_read(&slot->probe, &response->reply, &plain, &why) < 0) {
        if (doubted(flight, slot, response) == 0)
            return 0;
        err_copy(err, &why);
        return err_wrap(err, "'%s'", shown);
    }
    if (plain && slot->plain)
        return source_refusal_plain(shown, response, err);
    if (plain)
        return ask_at_once(slot, true);
    if (slot->plain && slot->unlucky && !slot->answered) {
        slot->answered = true;
        return ask_at_once(slot, false);
    }
    doubt(flight, response, shown);
    if (!slot->probe.whole)
        slot->refused = 0;
    return end_probe(flight, slot, shown, err);
}

/* 1: the slot has a file to be probed; 0: there is none left. */
static int fill_slot(struct flight *flight, struct slot *slot, struct err *err)
{
    int rc;

    *slot = (struct slot){ 0 };
    rc = flight->list->next(flight->list->arg, &slot->probe, err);
    slot->used = rc > 0;
    flight->used += slot->used;
    if (rc < 0)
        probe_release(&slot->probe);
    return rc;
}

/* Fill free slots, start what is due. *until: when the next one is. */
static int launch(struct flight *flight, bool *more, double *until, struct err *err)
{
    double now = clock_now();

    *until = now + longest_wait;
    for (size_t i = 0; i < FLIGHT; i++) {
        struct slot *slot = &flight->slots[i];

        if (!slot->used && *more) {
            int rc = fill_slot(flight, slot, err);

            if (rc < 0)
                return -1;
            *more = rc > 0;
        }
        if (!slot->used || slot->transfer)
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

int probe_all(struct ask *ask, const struct probe_list *list, struct err *err)
{
    struct flight flight = { .ask = ask, .list = list };
    double until = 0;
    bool more = true;
    int rc = 0;

    while (rc == 0 && (more || flight.used > 0)) {
        rc = ask_poll(ask, err);
        if (rc == 0)
            rc = launch(&flight, &more, &until, err);
        if (rc == 0)
            rc = rest(&flight, until, err);
        if (rc == 0)
            rc = land(&flight, err);
    }
    for (size_t i = 0; i < FLIGHT; i++) {
        if (flight.slots[i].used && flight.slots[i].transfer)
            http_cancel(ask->http, flight.slots[i].transfer);
        probe_release(&flight.slots[i].probe);
    }
    return rc;
}
