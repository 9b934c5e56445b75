/* ranks/delegate.h -- rank 0: the rank that makes its requests to the source where its own
 * node does not reach it. One rank of each other node may be it; the first that somebody
 * answers stays it. If that one fails to reach the source, another is looked for; if there is
 * none, rank 0 tries by itself again.
 *
 * Life cycle   delegate_open once the ranks have found each other; http then sends by it what
 *              failed, from the thread that uses http, while the main thread waits in loops
 *              of ranks/mail.h; http_destroy, delegate_close.
 * Others       make the requests, with what reaches them: ranks/errands.h.
 * Loss         of the delegate is that of a rank, and ends the run. */
#ifndef RANKS_DELEGATE_H
#define RANKS_DELEGATE_H

#include "io/http/http.h"

struct delegate;
struct ranks;

/* http: of rank 0, borrowed. *out stays NULL if there is but one node. */
int delegate_open(struct delegate **out, struct ranks *ranks, struct http *http,
                  struct err *err);

/* The rank that asks the source: the delegate, or 0. On any thread; takes NULL. */
int delegate_rank(const struct delegate *delegate);

/* The ranks lie elsewhere from now on (app/handover.h). Takes NULL. */
void delegate_move(struct delegate *delegate, struct ranks *ranks);

/* Takes NULL. */
void delegate_close(struct delegate *delegate);

#endif
