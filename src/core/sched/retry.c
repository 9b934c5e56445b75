#include "core/sched/retry.h"

#include <string.h>

#include "base/date.h"
#include "base/text.h"

enum {
    WRONG_MOST = 2, /* further attempts after an invalid reply */
    RENEWED_MOST =
        2 /* signed URLs that are refused before the range is held for the cause */
};

/* What to do about one status or fault. */
struct rule {
    int32_t key; /* status or fault */
    enum remedy remedy;
    enum remedy located; /* the same, for a signed URL */
    unsigned most;       /* failures that are treated so; 0: as many as the policy says */
    unsigned most_located; /* the same */
    enum err_code code;    /* whose fault it is in the end */
    const char *meaning;
};

/* Too early (425, RFC 8470) means that the client is to send again: after a pause.
 *
 * A signed URL may have expired (401, 403). Some servers report that, or a lost object,
 * by other statuses (400, 404, 416): worth one fresh URL, not more. */
static const struct rule status_rules[] = {
    { 400, REMEDY_GIVE_UP, REMEDY_NEW_URL, 0, 1, ERR_SOURCE,
      "HTTP 400: the server rejected the request as malformed" },
    { 401, REMEDY_GIVE_UP, REMEDY_NEW_URL, 0, 0, ERR_SOURCE,
      "HTTP 401: the server requires a token, or a different one" },
    { 403, REMEDY_GIVE_UP, REMEDY_NEW_URL, 0, 0, ERR_SOURCE,
      "HTTP 403: access denied, or a signed URL has expired" },
    { 404, REMEDY_GIVE_UP, REMEDY_NEW_URL, 0, 1, ERR_SOURCE, "HTTP 404: no such file" },
    { 408, REMEDY_RETRY, REMEDY_RETRY, 0, 0, ERR_NETWORK,
      "HTTP 408: the server timed out waiting for the request" },
    { 410, REMEDY_GIVE_UP, REMEDY_GIVE_UP, 0, 0, ERR_SOURCE,
      "HTTP 410: the file was permanently removed" },
    { 412, REMEDY_GIVE_UP, REMEDY_GIVE_UP, 0, 0, ERR_SOURCE,
      "HTTP 412: the file was replaced since it was listed" },
    { 416, REMEDY_GIVE_UP, REMEDY_NEW_URL, 0, 1, ERR_SOURCE,
      "HTTP 416: the file is shorter than it was when listed" },
    { 425, REMEDY_RETRY, REMEDY_RETRY, 0, 0, ERR_NETWORK,
      "HTTP 425: the server considers the request too early" },
    { 429, REMEDY_SLOW_DOWN, REMEDY_SLOW_DOWN, 0, 0, ERR_NETWORK,
      "HTTP 429: too many requests" },
    { 500, REMEDY_RETRY, REMEDY_RETRY, 0, 0, ERR_NETWORK,
      "HTTP 500: internal server error" },
    { 502, REMEDY_RETRY, REMEDY_RETRY, 0, 0, ERR_NETWORK,
      "HTTP 502: a gateway got an invalid reply from the server" },
    { 503, REMEDY_SLOW_DOWN, REMEDY_SLOW_DOWN, 0, 0, ERR_NETWORK,
      "HTTP 503: the server is temporarily unavailable" },
    { 504, REMEDY_RETRY, REMEDY_RETRY, 0, 0, ERR_NETWORK,
      "HTTP 504: a gateway timed out waiting for the server" },
};

/* Other statuses: 4xx stays as it is, 5xx may be temporary. */
static const struct rule other_redirect = {
    0,
    REMEDY_GIVE_UP,
    REMEDY_GIVE_UP,
    0,
    0,
    ERR_SOURCE,
    "HTTP 3xx: a redirect without a usable target"
};
static const struct rule other_refusal = { 0,
                                           REMEDY_GIVE_UP,
                                           REMEDY_GIVE_UP,
                                           0,
                                           0,
                                           ERR_SOURCE,
                                           "HTTP 4xx: the server refused the request" };
static const struct rule other_failure = {
    0, REMEDY_RETRY, REMEDY_RETRY, 0, 0, ERR_NETWORK, "HTTP 5xx: the server failed"
};

static const struct rule fault_rules[] = {
    { NET_RESOLVE, REMEDY_RETRY, REMEDY_RETRY, 0, 0, ERR_NETWORK,
      "cannot resolve the host name" },
    { NET_CONNECT, REMEDY_RETRY, REMEDY_RETRY, 0, 0, ERR_NETWORK,
      "connection refused or timed out" },
    { NET_TLS, REMEDY_RETRY, REMEDY_RETRY, 0, 0, ERR_NETWORK,
      "the TLS handshake failed" },
    { NET_CERT, REMEDY_GIVE_UP, REMEDY_GIVE_UP, 0, 0, ERR_NETWORK,
      "the server's certificate is not trusted" },
    { NET_TIMEOUT, REMEDY_RETRY, REMEDY_RETRY, 0, 0, ERR_NETWORK,
      "transfer below --speed-limit for --speed-time" },
    { NET_CUT, REMEDY_RETRY, REMEDY_RETRY, 0, 0, ERR_NETWORK,
      "the connection was closed before the reply was complete" },
    { NET_PROTOCOL, REMEDY_RETRY, REMEDY_RETRY, 0, 0, ERR_NETWORK,
      "the server's reply is not valid HTTP" },
    { NET_REDIRECT, REMEDY_GIVE_UP, REMEDY_GIVE_UP, 0, 0, ERR_SOURCE,
      "too many redirects, or one that is not allowed" },
    { NET_RANGE, REMEDY_RETRY, REMEDY_RETRY, WRONG_MOST, WRONG_MOST, ERR_SOURCE,
      "the reply is not the requested part of the file" },
    { NET_CHANGED, REMEDY_GIVE_UP, REMEDY_GIVE_UP, 0, 0, ERR_SOURCE,
      "the file was replaced since it was listed" },
    { NET_STALE, REMEDY_RETRY, REMEDY_RETRY, WRONG_MOST, WRONG_MOST, ERR_SOURCE,
      "the reply is about another version of the file" },
    { NET_ENCODED, REMEDY_RETRY, REMEDY_RETRY, WRONG_MOST, WRONG_MOST, ERR_SOURCE,
      "the reply is compressed, which was not accepted" },
    { NET_LOCAL, REMEDY_GIVE_UP, REMEDY_GIVE_UP, 0, 0, ERR_DEFECT,
      "stopped by mpifetch" },
};

/* For outcomes that are not failures; to ask for a remedy then is a defect. */
static const struct rule no_failure = { 0, REMEDY_GIVE_UP, REMEDY_GIVE_UP,    0,
                                        0, ERR_DEFECT,     "unexpected reply" };

static const struct rule *find_rule(const struct rule *rules, size_t count, int32_t key,
                                    const struct rule *otherwise)
{
    for (size_t i = 0; i < count; i++)
        if (rules[i].key == key)
            return &rules[i];
    return otherwise;
}

static const struct rule *rule_for(const struct outcome *outcome)
{
    if (outcome->status >= 300 && outcome->status < 400 && outcome->fault == NET_OK)
        return &other_redirect;
    if (outcome->status >= 400 && outcome->fault != NET_LOCAL &&
        outcome->fault != NET_STALE)
        return find_rule(status_rules, countof(status_rules), outcome->status,
                         outcome->status < 500 ? &other_refusal : &other_failure);
    return find_rule(fault_rules, countof(fault_rules), outcome->fault, &no_failure);
}

static double backoff(const struct retry_policy *policy, unsigned attempt, double jitter)
{
    double delay = policy->first_delay;

    for (unsigned i = 1; i < attempt && delay < policy->longest_delay; i++)
        delay *= 2;
    if (delay > policy->longest_delay)
        delay = policy->longest_delay;
    /* jitter in [0, 1): a thousand ranks must not come back in step */
    return delay * (0.5 + jitter / 2);
}

/* Seconds the server asked for, 0 if it did not. If both are given, the end of its rate
 * window is more precise; one second more, since the window is counted in whole ones. */
static double asked(const struct outcome *outcome, enum remedy remedy)
{
    double delay = outcome->retry_after > 0 ? outcome->retry_after : 0;

    if (remedy == REMEDY_SLOW_DOWN && outcome->reset >= 0)
        delay = outcome->reset + 1;
    return delay < RETRY_ASKED_MOST ? delay : RETRY_ASKED_MOST;
}

/* Whether the range may be what the server does not want. 416 says so of this very range,
 * whatever others there were. */
static bool blames_range(const struct outcome *outcome)
{
    static const int32_t statuses[] = { 400, 403, 404, 405, 406, 416, 500, 501, 503 };

    if (!outcome->ranged || outcome->fault == NET_LOCAL)
        return false;
    for (size_t i = 0; i < countof(statuses); i++)
        if (outcome->status == statuses[i])
            return outcome->status == 416 || !outcome->cuts;
    return outcome->status == 200 &&
           (outcome->fault == NET_RANGE || outcome->fault == NET_STALE);
}

struct retry_decision retry_decide(const struct retry_policy *policy,
                                   const struct outcome *outcome, unsigned attempt,
                                   double jitter)
{
    const struct rule *rule = rule_for(outcome);
    enum remedy remedy = outcome->located ? rule->located : rule->remedy;
    unsigned most = outcome->located ? rule->most_located : rule->most;
    bool whole = blames_range(outcome);
    double delay, wish;

    if (whole && remedy == REMEDY_NEW_URL && most == 0)
        most = RENEWED_MOST;
    if (most == 0 || most > policy->attempts)
        most = policy->attempts;
    if (remedy == REMEDY_GIVE_UP || attempt > most)
        return (struct retry_decision){ .remedy = whole ? REMEDY_WHOLE : REMEDY_GIVE_UP,
                                        .code = rule->code };
    if (remedy == REMEDY_NEW_URL && attempt <= 1)
        return (struct retry_decision){ .remedy = remedy, .most = most + 1 };
    delay = backoff(policy, attempt, jitter);
    wish = asked(outcome, remedy);
    return (struct retry_decision){ .remedy = remedy,
                                    .most = most + 1,
                                    .delay = wish > delay ? wish : delay };
}

enum err_code retry_blame(const struct outcome *outcome)
{
    return rule_for(outcome)->code;
}

enum err_reason retry_reason(const struct outcome *outcome)
{
    static const int32_t faults[] = { NET_RESOLVE, NET_CONNECT, NET_TIMEOUT, NET_CUT };

    if (outcome->fault == NET_LOCAL)
        return REASON_NONE;
    switch (outcome->status) {
    case 401:
        return REASON_UNAUTHORIZED;
    case 403:
        return REASON_FORBIDDEN;
    case 404:
    case 410:
        return REASON_ENTRY_NOT_FOUND;
    case 429:
        return REASON_TOO_MANY_REQUESTS;
    default:
        break;
    }
    for (size_t i = 0; i < countof(faults); i++)
        if (outcome->status < 400 && outcome->fault == faults[i])
            return REASON_UNREACHABLE;
    return outcome->status >= 500 ? REASON_UNREACHABLE : REASON_NONE;
}

bool retry_asks_pause(const struct outcome *outcome)
{
    return rule_for(outcome)->remedy == REMEDY_SLOW_DOWN;
}

bool retry_is_asked(const struct outcome *outcome)
{
    return outcome->status == 429 || outcome->retry_after >= 0 || outcome->reset >= 0;
}

const char *retry_meaning(const struct outcome *outcome)
{
    return rule_for(outcome)->meaning;
}

static double capped(uint64_t seconds)
{
    return seconds < RETRY_ASKED_MOST ? (double)seconds : RETRY_ASKED_MOST;
}

double retry_after(const char *value, const char *date, int64_t now)
{
    uint64_t seconds;
    int64_t then, base = now;

    if (!value || *value == '\0')
        return -1;
    if (value[strspn(value, "0123456789")] == '\0')
        return text_to_u64(value, &seconds) ? capped(seconds) : RETRY_ASKED_MOST;
    if (!date_from_http(value, &then))
        return -1;
    if (date)
        date_from_http(date, &base);
    if (then <= base)
        return 0;
    return capped((uint64_t)then - (uint64_t)base);
}

/* What follows the name of a parameter, if that is at *at: "r=0". */
static bool take_parameter(const char *at, const char *name, uint64_t *value)
{
    at += strspn(at, " \t");
    if (!text_starts(at, name))
        return false;
    at += strlen(name);
    return text_take_u64(&at, value);
}

/* To the next ';' or ',' outside quotes, or the end. */
static const char *next_separator(const char *at)
{
    bool quoted = false;

    for (; *at; at++) {
        if (quoted && *at == '\\' && at[1] != '\0')
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (!quoted && (*at == ';' || *at == ','))
            break;
    }
    return at;
}

double retry_ratelimit(const char *value)
{
    const char *at = value ? value : "";
    uint64_t left = UINT64_MAX, seconds = UINT64_MAX;
    double longest = -1;

    for (;;) {
        at = next_separator(at);
        if (*at == ';') {
            at++;
            if (!take_parameter(at, "r=", &left))
                take_parameter(at, "t=", &seconds);
            continue;
        }
        if (left == 0 && seconds != UINT64_MAX && capped(seconds) > longest)
            longest = capped(seconds);
        if (*at == '\0')
            return longest;
        at++;
        left = seconds = UINT64_MAX;
    }
}
