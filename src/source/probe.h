/* source/probe.h -- size and version of files on a plain web server, and whether it
 * supports ranges: one request for the first byte of each, many files at a time. If that
 * is refused, one without a range tells whether the range was the reason. */
#ifndef SOURCE_PROBE_H
#define SOURCE_PROBE_H

#include "source/ask.h"

struct probe {
    char *url;     /* owned by the probe */
    size_t file;   /* for the caller */
    bool digest;   /* one is known, which judges the bytes */
    bool sized;    /* size is known; another answer is an error */
    uint64_t size; /* filled in */
    bool whole;    /* filled in: PLAN_WHOLE */
    char *etag;    /* filled in, as reply_validator makes it; owned by the probe */
};

void probe_release(struct probe *probe);

/* The files to be probed. */
struct probe_list {
    /* Fill in the next one, which is zeroed: 1. 0: there is none. -1 and *err. */
    int (*next)(void *arg, struct probe *probe, struct err *err);
    int (*found)(void *arg, const struct probe *probe, struct err *err);
    void *arg;
};

/* What a reply to a request for the first byte says. *plain, in: the request had no
 * range; out: the reply says nothing, ask without a range. ERR_SOURCE, without the URL:
 * the size of the file cannot be found out. */
int probe_read(struct probe *probe, const struct reply *reply, bool *plain,
               struct err *err);

int probe_all(struct ask *ask, const struct probe_list *list, struct err *err);

#endif
