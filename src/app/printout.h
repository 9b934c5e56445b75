/* app/printout.h -- a text on stdout, whose reader may pause for long, as a pager does.
 * Messages are received meanwhile, and a signal or a failure elsewhere ends it. */
#ifndef APP_PRINTOUT_H
#define APP_PRINTOUT_H

#include "base/err.h"
#include "base/strbuf.h"
#include "ranks/ranks.h"

/* more appends the next part of the text; false: it was the last. */
int printout(struct ranks *ranks, bool (*more)(void *arg, struct strbuf *text), void *arg,
             struct err *err);

#endif
