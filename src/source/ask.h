/* source/ask.h -- requests to a source while listing. They are repeated while that may
 * help, and never wait without checking whether the run is to end.
 *
 * Secrets      go to the origin that the lister names and nowhere else. */
#ifndef SOURCE_ASK_H
#define SOURCE_ASK_H

#include "source/source.h"

struct ask {
    const struct source_config *config;
    struct http *http;
    struct source_count *count;
    const char *origin; /* URL whose origin gets headers and token; NULL: none does */
    const char *token;  /* or NULL */
    bool hub;           /* a Hub: a token may help after a refusal */
    bool may_be_empty;  /* a source without files is one all the same */
    char warned[64];    /* topic of the last X-HF-Warning that was passed on */
};

/* Set the URL of the request, and the secrets if they may go there. */
void ask_address(const struct ask *ask, const char *url, struct http_request *request);

/* The whole body at url, at most `most` bytes of it. *counter counts the requests; `what`
 * names the object in the error. The response is to be released in any case; after a
 * refusal it is the refusal. */
int ask_get(struct ask *ask, const char *what, const char *url, size_t most,
            uint64_t *counter, struct http_response *response, struct err *err);

/* The same, handed on as it comes. begin is called before each attempt: what an attempt
 * that broke off has brought is to be forgotten. take: -1 and *err end the request, with
 * that error. */
struct ask_sink {
    int (*begin)(void *arg, struct err *err);
    int (*take)(void *arg, const char *bytes, size_t len, struct err *err);
    void *arg;
};
int ask_stream(struct ask *ask, const char *what, const char *url,
               const struct ask_sink *sink, uint64_t *counter, struct err *err);

/* What to do about a response. */
struct ask_verdict {
    bool again;   /* not an answer, but another attempt may get one */
    bool hold;    /* and all other requests to this server have to wait as well */
    bool whole;   /* it may have refused the range only: ask without one */
    double delay; /* seconds until then */
};

/* Whether a response is an answer: 0 if it is, or if trying again may help; otherwise -1
 * and the reason. attempt counts from 1. */
int ask_judge(struct ask *ask, const char *what, const struct http_response *response,
              bool had_token, unsigned attempt, struct ask_verdict *verdict,
              struct err *err);

/* A sentence for the user: "'what': why". */
void ask_tell(const struct ask *ask, const char *what, const char *why);

/* Pass on X-HF-Warning, once per topic. */
void ask_warning(struct ask *ask, const struct http_response *response);

/* Both return -1 with ERR_INTERRUPTED once config->poll asks to stop. */
int ask_poll(struct ask *ask, struct err *err);
int ask_wait(struct ask *ask, double seconds, struct err *err);

/* Whether the file is to be in the plan. */
bool ask_keeps(const struct source_config *config, const char *path);

/* Copy an error of io/fs to err, as one of the source. Returns -1. */
int ask_blame(const struct err *cause, struct err *err);

#endif
