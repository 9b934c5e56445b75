#include "coordinate/locator.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "core/hub/hub_name.h"
#include "io/clock.h"
#include "source/source.h"

enum url_state { URL_UNKNOWN, URL_WAITING, URL_ASKED, URL_KNOWN };

/* How often a signed URL may expire while no byte of the file arrives: a policy that
 * denies looks just like a signature that has expired. */
enum { LOCATOR_RENEWALS = 5 };

enum { LOCATOR_HUBS = 4 }; /* in a row that send to each other for one file */

enum { LOCATOR_ASKED = 8 }; /* requests at a time: few, since all may be refused */

struct entry {
    enum url_state state;
    uint32_t file, generation, renewals;
    unsigned attempt;
    double not_before; /* WAITING */
    char *url; /* KNOWN; before that, of another Hub that was named and is asked next */
    unsigned hubs;      /* that have named another */
    struct entry *next; /* WAITING */
};

struct locator {
    struct run *run;
    struct http *http;
    struct entry **of;             /* of each file; NULL until it was asked for */
    struct entry *waiting, **last; /* in the order of the requests */
    unsigned asked;                /* requests under way */
    unsigned refusals;             /* pauses in a row that the source asked for */
    double hold;                   /* no request before this time */
    uint64_t requests;
};

int locator_create(struct locator **out, struct run *run, struct http *http,
                   struct err *err)
{
    struct locator *locator = calloc(1, sizeof(*locator));

    *out = NULL;
    if (locator)
        locator->of = calloc(run->plan.nfiles + 1, sizeof(struct entry *));
    if (!locator || !locator->of) {
        free(locator);
        return err_memory(err, "the signed URLs of files");
    }
    locator->run = run;
    locator->http = http;
    locator->last = &locator->waiting;
    *out = locator;
    return 0;
}

void locator_destroy(struct locator *locator)
{
    if (!locator)
        return;
    for (size_t i = 0; i < locator->run->plan.nfiles; i++)
        if (locator->of[i]) {
            free(locator->of[i]->url);
            free(locator->of[i]);
        }
    free(locator->of);
    free(locator);
}

void locator_forget(struct locator *locator, uint32_t file)
{
    struct entry *entry = locator->of[file];

    /* While it is being requested or waits, requests and lists point to it. */
    if (!entry || entry->state == URL_ASKED || entry->state == URL_WAITING)
        return;
    free(entry->url);
    free(entry);
    locator->of[file] = NULL;
}

unsigned locator_renewals(const struct locator *locator, uint32_t file)
{
    return locator->of[file] ? locator->of[file]->renewals : 0;
}

void locator_good(struct locator *locator, uint32_t file)
{
    if (locator->of[file])
        locator->of[file]->renewals = 0;
}

const char *locator_url(struct locator *locator, uint32_t file, uint32_t *generation)
{
    const struct entry *entry = locator->of[file];

    if (!entry || entry->state != URL_KNOWN)
        return NULL;
    *generation = entry->generation;
    return entry->url;
}

static int request(struct locator *locator, struct entry *entry, struct err *err)
{
    const struct run *run = locator->run;
    struct http_request request = { .head = true,
                                    .redirect = HTTP_STOP_AT_FOREIGN,
                                    .body_limit = 1 << 16,
                                    .owner = entry };
    struct http_transfer *transfer;
    struct strbuf url = { 0 };
    int rc;

    if (entry->hubs > 0)
        strbuf_adds(&url, entry->url);
    else
        plan_url(&run->plan, entry->file, &url);
    if (url.failed)
        return err_memory(err, "a URL");
    request.url = url.data;
    if (run->access.endpoint && url_same_origin(url.data, run->access.endpoint)) {
        request.bearer = run->access.bearer;
        request.own = true;
    }
    if (entry->hubs == 0)
        request.headers = run->opt.headers;
    entry->state = URL_ASKED;
    locator->asked++;
    locator->requests++;
    rc = http_start(locator->http, &request, &transfer, err);
    strbuf_release(&url);
    return rc;
}

static void wait_for(struct locator *locator, struct entry *entry, double not_before)
{
    entry->state = URL_WAITING;
    entry->not_before = not_before;
    entry->next = NULL;
    *locator->last = entry;
    locator->last = &entry->next;
}

int locator_ask(struct locator *locator, uint32_t file, struct err *err)
{
    struct entry *entry = locator->of[file];

    if (!entry) {
        entry = calloc(1, sizeof(*entry));
        if (!entry)
            return err_memory(err, "the signed URL of a file");
        entry->file = file;
        locator->of[file] = entry;
    }
    if (entry->state == URL_UNKNOWN)
        wait_for(locator, entry, 0);
    return 0;
}

void locator_renew(struct locator *locator, uint32_t file, uint32_t generation)
{
    struct entry *entry = locator->of[file];

    if (!entry || entry->state != URL_KNOWN || entry->generation != generation)
        return;
    entry->state = URL_UNKNOWN;
    entry->hubs = 0;
    entry->renewals++;
}

void locator_hold(struct locator *locator, double until)
{
    if (until > locator->hold)
        locator->hold = until;
}

/* The source wants to be left alone for so long. */
static void hold_for(struct locator *locator, double seconds, const struct outcome *why)
{
    char text[32];

    if (seconds > RETRY_ALOUD)
        log_line(
            &locator->run->ranks.log, LOG_WARN, "%s: no questions to the source for %s",
            retry_is_asked(why) ? "the source asked to slow down" : retry_meaning(why),
            text_seconds(text, sizeof(text), seconds));
    locator_hold(locator, clock_now() + seconds);
}

static int refused(const struct locator *locator, const struct entry *entry,
                   const struct http_response *response, struct err *err)
{
    const struct run *run = locator->run;

    if (response->outcome.status < 300 || response->outcome.fault != NET_OK) {
        *err = response->err;
        if (err->code == ERR_NONE)
            err_set(err, ERR_NETWORK, "%s", retry_meaning(&response->outcome));
        if (err->reason == REASON_NONE)
            err->reason = retry_reason(&response->outcome);
        return err_wrap(err, "cannot get the URL of '%s'",
                        plan_path(&run->plan, entry->file));
    }
    return source_refusal(plan_path(&run->plan, entry->file), response,
                          run->access.bearer != NULL, err);
}

/* A source that asks for a pause refuses every request: that counts once per pause, until
 * it answers again; other failures count for the file. */
static unsigned count_attempt(struct locator *locator, struct entry *entry,
                              const struct outcome *outcome)
{
    if (!retry_asks_pause(outcome))
        return ++entry->attempt;
    locator->refusals += clock_now() >= locator->hold;
    return locator->refusals ? locator->refusals : 1;
}

/* A reply without an answer: retry later, or give up. */
static int postpone(struct locator *locator, struct entry *entry,
                    const struct http_response *response, struct err *err)
{
    struct retry_decision decision =
        retry_decide(&locator->run->opt.retry, &response->outcome,
                     count_attempt(locator, entry, &response->outcome), clock_random());
    double until = clock_now() + decision.delay;

    if (decision.remedy == REMEDY_GIVE_UP || decision.remedy == REMEDY_NEW_URL) {
        refused(locator, entry, response, err);
        if (decision.code == ERR_NETWORK)
            err->code = ERR_NETWORK;
        return -1;
    }
    locator->run->stats.value[STAT_RETRIED]++;
    if (decision.remedy == REMEDY_SLOW_DOWN)
        hold_for(locator, decision.delay, &response->outcome);
    wait_for(locator, entry, until);
    return 0;
}

/* The answer is the URL of the file, or of another Hub that knows it, which is asked in
 * turn: else each segment would be. Secrets do not go there. */
static int note_place(struct locator *locator, struct entry *entry,
                      const struct http_response *response, struct err *err)
{
    bool hub = response->foreign && entry->hubs < LOCATOR_HUBS &&
               hub_name_is_resolve_url(response->url);

    free(entry->url);
    entry->url = strdup(response->url);
    if (!entry->url)
        return err_memory(err, "a URL");
    entry->attempt = 0;
    locator->refusals = 0;
    if (hub) {
        entry->hubs++;
        wait_for(locator, entry, 0);
        return 0;
    }
    entry->state = URL_KNOWN;
    entry->generation++;
    return 0;
}

static int answered(struct locator *locator, struct entry *entry,
                    const struct http_response *response, struct err *err)
{
    bool there = response->foreign ||
                 (response->outcome.fault == NET_OK && response->outcome.status >= 200 &&
                  response->outcome.status < 300);

    if (!there && entry->hubs > 0) {
        /* It may answer those who want the bytes. */
        entry->state = URL_KNOWN;
        entry->generation++;
        return 0;
    }
    if (!there)
        return postpone(locator, entry, response, err);
    if (entry->renewals > LOCATOR_RENEWALS)
        return err_set(err, ERR_SOURCE,
                       "'%s': the source issued %u signed URLs in turn and each was "
                       "refused (HTTP 401 or 403)",
                       plan_path(&locator->run->plan, entry->file),
                       (unsigned)entry->renewals);
    if (note_place(locator, entry, response, err) < 0)
        return -1;
    /* The quota is used up although this one was answered. */
    if (response->outcome.reset > 0 && entry->hubs == 0)
        hold_for(locator, response->outcome.reset, &response->outcome);
    return 0;
}

static int ask_due(struct locator *locator, struct err *err)
{
    double now = clock_now();
    struct entry **at = &locator->waiting;

    while (*at && locator->asked < LOCATOR_ASKED && now >= locator->hold) {
        struct entry *entry = *at;

        if (entry->not_before > now) {
            at = &entry->next;
            continue;
        }
        if (!(*at = entry->next))
            locator->last = at;
        if (request(locator, entry, err) < 0)
            return -1;
    }
    return 0;
}

bool locator_next(struct locator *locator, uint32_t *file, int *rc, struct err *err)
{
    struct http_response response;
    bool moved;

    *rc = ask_due(locator, err);
    if (*rc == 0 && http_running(locator->http) > 0)
        *rc = http_wait(locator->http, 0, &moved, err);
    while (*rc == 0 && http_next(locator->http, &response)) {
        struct entry *entry = response.owner;

        locator->asked--;
        *rc = answered(locator, entry, &response, err);
        *file = entry->file;
        http_response_release(&response);
        if (*rc == 0 && entry->state == URL_KNOWN)
            return true;
    }
    return *rc < 0;
}

uint64_t locator_requests(const struct locator *locator)
{
    return locator->requests;
}
