#include "source/ask.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "io/clock.h"

static const double poll_every = 0.05; /* seconds: a signal is answered within that */

int ask_poll(struct ask *ask, struct err *err)
{
    const struct source_config *config = ask->config;

    if (config->poll && config->poll(config->poll_arg) < 0)
        return err_set(err, ERR_INTERRUPTED, "interrupted while listing the source");
    return 0;
}

int ask_wait(struct ask *ask, double seconds, struct err *err)
{
    double until = clock_now() + seconds;
    double left = seconds;

    while (left > 0) {
        if (ask_poll(ask, err) < 0)
            return -1;
        clock_sleep(left < poll_every ? left : poll_every);
        left = until - clock_now();
    }
    return ask_poll(ask, err);
}

int ask_blame(const struct err *cause, struct err *err)
{
    return err_set_why(err, cause->code == ERR_DEST ? ERR_SOURCE : cause->code,
                       cause->reason, "%s", cause->text);
}

void ask_address(const struct ask *ask, const char *url, struct http_request *request)
{
    request->url = url;
    request->redirect = HTTP_FOLLOW;
    if (!ask->origin || !url_same_origin(url, ask->origin))
        return;
    request->own = true;
    request->bearer = ask->token;
    request->headers = ask->config->headers;
}

void ask_warning(struct ask *ask, const struct http_response *response)
{
    const struct source_config *config = ask->config;
    char shown[256];
    size_t topic;

    if (!response->warning || !config->notice)
        return;
    topic = strcspn(response->warning, ";");
    if (topic >= sizeof(ask->warned))
        topic = sizeof(ask->warned) - 1;
    if (strlen(ask->warned) == topic &&
        strncmp(ask->warned, response->warning, topic) == 0)
        return;
    memcpy(ask->warned, response->warning, topic);
    ask->warned[topic] = '\0';
    source_tame(shown, sizeof(shown), response->warning);
    config->notice(config->notice_arg, shown);
}

void ask_tell(const struct ask *ask, const char *what, const char *why)
{
    struct strbuf text = { 0 };

    if (!ask->config->notice)
        return;
    strbuf_addf(&text, "'%s': %s", what, why);
    if (!text.failed)
        ask->config->notice(ask->config->notice_arg, text.data);
    strbuf_release(&text);
}

static void tell_retry(const struct ask *ask, const char *what,
                       const struct http_response *response, unsigned attempt,
                       const struct retry_decision *decision)
{
    char why[200];

    snprintf(why, sizeof(why), "%s: attempt %u of %u failed, next attempt in %.1f s",
             retry_meaning(&response->outcome), attempt, decision->most, decision->delay);
    ask_tell(ask, what, why);
}

/* Nobody answered, or somebody who says that he cannot. What an answer refuses, or who cannot
 * prove to be the source, is no such case. */
static bool out_of_reach(const struct outcome *outcome)
{
    static const int32_t faults[] = { NET_RESOLVE, NET_CONNECT, NET_TIMEOUT, NET_CUT };

    if (outcome->fault == NET_OK)
        return outcome->status >= 500;
    for (size_t i = 0; i < countof(faults); i++)
        if (outcome->fault == faults[i])
            return outcome->status < 400 || outcome->status >= 500;
    return false;
}

int ask_judge(struct ask *ask, const char *what, const struct http_response *response,
              bool had_token, unsigned attempt, struct ask_verdict *verdict,
              struct err *err)
{
    const struct outcome *outcome = &response->outcome;
    struct retry_decision decision;

    *verdict = (struct ask_verdict){ 0 };
    ask_warning(ask, response);
    if (outcome->fault == NET_OK && outcome->status >= 200 && outcome->status < 300)
        return 0;
    decision = retry_decide(&ask->config->retry, outcome, attempt, clock_random());
    verdict->whole = decision.remedy == REMEDY_WHOLE;
    if (verdict->whole)
        return 0;
    if (decision.remedy == REMEDY_RETRY || decision.remedy == REMEDY_SLOW_DOWN) {
        verdict->again = true;
        verdict->hold = decision.remedy == REMEDY_SLOW_DOWN;
        verdict->delay = decision.delay;
        ask->count->retried++;
        tell_retry(ask, what, response, attempt, &decision);
        return 0;
    }
    ask->count->unreachable = out_of_reach(outcome);
    if (outcome->fault == NET_OK)
        return ask->hub ? source_refusal(what, response, had_token, err)
                        : source_refusal_plain(what, response, err);
    if (!response->err.text[0]) {
        err_set_why(err, decision.code, retry_reason(outcome), "%s",
                    retry_meaning(outcome));
        return err_wrap(err, "'%s'", what);
    }
    /* a failure on our own side has its own text: a body that is too long, a URL that
     * cannot be sent */
    if (decision.code == ERR_DEFECT)
        return err_copy(err, &response->err);
    return err_set_why(err, decision.code, retry_reason(outcome), "%s",
                       response->err.text);
}

/* One request, repeated while that may help. begin, or NULL: before each attempt. */
static int ask_repeat(struct ask *ask, const char *what, struct http_request *request,
                      int (*begin)(void *arg, struct err *err), void *arg,
                      uint64_t *counter, struct http_response *response, struct err *err)
{
    const struct source_config *config = ask->config;
    struct ask_verdict verdict;

    for (unsigned attempt = 1;; attempt++) {
        struct err failure = { 0 };

        *response = (struct http_response){ 0 };
        if (begin && begin(arg, err) < 0)
            return -1;
        ++*counter;
        if (http_get(ask->http, request, response, config->poll, config->poll_arg,
                     &failure) < 0)
            return err_set_why(err, failure.code, failure.reason, "%s", failure.text);
        if (ask_judge(ask, what, response, request->bearer != NULL, attempt, &verdict,
                      err) < 0)
            return -1;
        if (!verdict.again)
            return 0;
        http_response_release(response);
        *response = (struct http_response){ 0 };
        if (ask_wait(ask, verdict.delay, err) < 0)
            return -1;
    }
}

int ask_get(struct ask *ask, const char *what, const char *url, size_t most,
            uint64_t *counter, struct http_response *response, struct err *err)
{
    struct http_request request = { .body_limit = most };

    ask_address(ask, url, &request);
    return ask_repeat(ask, what, &request, NULL, NULL, counter, response, err);
}

struct stream {
    const struct ask_sink *sink;
    struct err err; /* of the sink */
};

static int begin_stream(void *arg, struct err *err)
{
    const struct stream *stream = arg;

    return stream->sink->begin(stream->sink->arg, err);
}

static int take_piece(void *owner, const void *bytes, size_t len)
{
    struct stream *stream = owner;

    return stream->sink->take(stream->sink->arg, bytes, len, &stream->err);
}

int ask_stream(struct ask *ask, const char *what, const char *url,
               const struct ask_sink *sink, uint64_t *counter, struct err *err)
{
    struct stream stream = { .sink = sink };
    struct http_request request = { .sink = take_piece, .owner = &stream };
    struct http_response response = { 0 };
    struct err cause = { 0 };
    int rc;

    ask_address(ask, url, &request);
    rc = ask_repeat(ask, what, &request, begin_stream, &stream, counter, &response,
                    &cause);
    http_response_release(&response);
    if (rc < 0)
        err_copy(err, stream.err.code ? &stream.err : &cause);
    return rc;
}

bool ask_keeps(const struct source_config *config, const char *path)
{
    return glob_keep(&config->allow, &config->deny, path) &&
           (!config->keep || config->keep(config->keep_arg, path));
}
