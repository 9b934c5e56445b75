/* source/probe.h -- how long a file on a plain server is, which version it is, and
 * whether the server cuts ranges: one request for its first byte, many files at a time.
 */
#ifndef SOURCE_PROBE_H
#define SOURCE_PROBE_H

#include "source/ask.h"

struct probe {
    const char *url; /* borrowed */
    bool sized;      /* size is known; another answer is an error */
    uint64_t size;   /* filled in */
    bool whole;      /* filled in: PLAN_WHOLE */
    char *etag;      /* filled in, as reply_validator makes it; owned by the caller */
};

/* What a reply to a request for the first byte says. *plain: was asked without a range;
 * becomes: it says nothing, ask without a range. ERR_SOURCE, without the URL: it can not
 * be said how long the file is. */
int probe_read(struct probe *probe, const struct reply *reply, bool *plain,
               struct err *err);

/* next gives one after the other, and NULL at the end. */
int probe_all(struct ask *ask, struct probe *(*next)(void *arg), void *arg,
              struct err *err);

#endif
