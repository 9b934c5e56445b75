/* source/probe.h -- size and version of files on a plain web server, and whether it
 * supports ranges: one request for the first byte of each, many files at a time. If that
 * is refused, one without a range tells whether the range was the reason. */
#ifndef SOURCE_PROBE_H
#define SOURCE_PROBE_H

#include "source/ask.h"

struct probe {
    const char *url; /* borrowed */
    bool digest;     /* one is known, which judges the bytes */
    bool sized;      /* size is known; another answer is an error */
    uint64_t size;   /* filled in */
    bool whole;      /* filled in: PLAN_WHOLE */
    char *etag;      /* filled in, as reply_validator makes it; owned by the caller */
};

/* What a reply to a request for the first byte says. *plain, in: the request had no
 * range; out: the reply says nothing, ask without a range. ERR_SOURCE, without the URL:
 * the size of the file cannot be found out. */
int probe_read(struct probe *probe, const struct reply *reply, bool *plain,
               struct err *err);

/* next returns one after the other, and NULL at the end. */
int probe_all(struct ask *ask, struct probe *(*next)(void *arg), void *arg,
              struct err *err);

#endif
