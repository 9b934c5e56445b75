/* core/sched/retry.h -- what to do about a failed attempt: retry, wait, get a
 * new URL, give up. */
#ifndef CORE_SCHED_RETRY_H
#define CORE_SCHED_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* How a transfer ended, beside its HTTP status. */
enum net_fault {
    NET_OK,
    NET_RESOLVE,  /* no address for the name */
    NET_CONNECT,  /* refused, no route, timed out while connecting */
    NET_TLS,      /* handshake failed */
    NET_CERT,     /* invalid certificate: retrying does not help */
    NET_TIMEOUT,  /* too slow for too long */
    NET_CUT,      /* ended before its announced end */
    NET_PROTOCOL, /* not HTTP as we know it */
    NET_REDIRECT, /* too many redirects, or one to a place not allowed */
    NET_RANGE,    /* the reply is not the range asked for */
    NET_CHANGED,  /* another version of the file than planned */
    NET_STALE,    /* the same, where a digest will judge: another node may know better */
    NET_ENCODED,  /* content encoding although none was accepted */
    NET_LOCAL     /* our side: disk, memory, cancel */
};

struct outcome {
    int32_t status;     /* HTTP status; 0 if none came */
    int32_t fault;      /* enum net_fault */
    double retry_after; /* seconds the server asked for; -1 if it did not */
    double reset;       /* seconds from retry_ratelimit; -1: quota left, or unknown */
    bool located;       /* a signed URL, which may have expired */
    bool ranged;        /* a range was asked for */
    bool cuts;          /* a range of the same file has come before; no rank knows that
                         * of the others, so that it is not sent */
    bool progressed;    /* some bytes arrived */
    bool proxied; /* a proxy was asked instead of the server; known where that was */
};

enum remedy {
    REMEDY_RETRY,
    REMEDY_SLOW_DOWN,
    REMEDY_NEW_URL,
    REMEDY_WHOLE, /* ask for the file without a range */
    REMEDY_GIVE_UP
};

enum {
    RETRY_ASKED_MOST = 600, /* seconds that a server's word counts: windows of rate limits
                             * last five minutes */
    RETRY_ALOUD = 5         /* seconds of a pause from which on people are told */
};

struct retry_policy {
    double first_delay, longest_delay; /* seconds; of our own back-off */
    unsigned attempts;                 /* most tries after the first */
};

struct retry_decision {
    enum remedy remedy;
    double delay;       /* seconds */
    unsigned most;      /* attempts in all that this outcome is given */
    enum err_code code; /* for GIVE_UP: whose fault it is */
};

/* What to do about a failed outcome. attempt: failures so far without progress, 1 for the
 * first. jitter in [0, 1): the delay is between half and all of first_delay doubled
 * attempt-1 times, and never less than what the server asked for. A status of 400 and
 * above takes precedence over the fault, except over NET_LOCAL.
 *
 * SLOW_DOWN: the delay applies to the whole job. NEW_URL: the first one is requested at
 * once. An attempt number beyond policy->attempts gives up, with ERR_NETWORK for faults
 * that a later run may not have. Invalid replies (NET_RANGE, NET_STALE, NET_ENCODED) give
 * up at the third failure.
 *
 * WHOLE: instead of giving up, if the server may have refused or ignored the range only: a
 * request without one tells. A signed URL that is refused with 403 may have expired, so
 * that there it follows the third failure. A server that cuts ranges (outcome->cuts) does
 * not refuse them, unless it says so of this one (416), but a node of it may ignore them: it
 * answers 200. */
struct retry_decision retry_decide(const struct retry_policy *policy,
                                   const struct outcome *outcome, unsigned attempt,
                                   double jitter);

/* The class of the error after giving up: ERR_NETWORK if a later run may succeed,
 * ERR_SOURCE if the source is at fault, ERR_DEFECT for our side and for outcomes that
 * are not failures. */
enum err_code retry_blame(const struct outcome *outcome);

/* What such an outcome says for sure. */
enum err_reason retry_reason(const struct outcome *outcome);

/* All requests to the source are to pause. */
bool retry_asks_pause(const struct outcome *outcome);

/* The source itself said so: with 429, with a time to wait, or with a spent quota. Else it
 * is out of order. */
bool retry_is_asked(const struct outcome *outcome);

/* "HTTP 503: the server is temporarily unavailable", "connection refused or timed
 * out". A static text: statuses without one of their own are "HTTP 4xx: ..." or
 * "HTTP 5xx: ...". */
const char *retry_meaning(const struct outcome *outcome);

/* Retry-After: seconds or a date, against the server's own Date if it sent one, else
 * `now` (seconds since 1970). -1: absent or rubbish; never more than RETRY_ASKED_MOST. */
double retry_after(const char *value, const char *date, int64_t now);

/* `"resolvers";r=0;t=113` (IETF draft): t if r is 0, else -1. Of several limits in one
 * value the longest; never more than RETRY_ASKED_MOST. */
double retry_ratelimit(const char *value);

#endif
