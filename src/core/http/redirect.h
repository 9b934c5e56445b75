/* core/http/redirect.h -- whether a redirect is followed. */
#ifndef CORE_HTTP_REDIRECT_H
#define CORE_HTTP_REDIRECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { REDIRECT_HOPS = 10 };

struct redirect {
    const char *first; /* the URL that was asked for */
    const char *from;  /* the URL that answered */
    const char *to;    /* absolute; NULL: the Location could not be read */
    unsigned hops;     /* followed before this one */
    bool stop_at_foreign;
};

enum redirect_step { REDIRECT_GO, REDIRECT_STOP, REDIRECT_REFUSE };

/* Whether this status is a redirect whose Location is followed. */
bool redirect_status(int32_t status);

/* REFUSE sets *err with the reason, without any URL. STOP: the target is at another
 * origin and stop_at_foreign was set. */
enum redirect_step redirect_decide(const struct redirect *redirect, struct err *err);

#endif
