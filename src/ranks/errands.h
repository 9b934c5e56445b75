/* ranks/errands.h -- any rank but 0: makes the requests that rank 0 cannot (ranks/delegate.h),
 * while it waits in loops of ranks/mail.h, whatever else it does.
 *
 * Life cycle   errands_open before rank 0 may ask; errands_close.
 * Memory       of a body that rank 0 takes as it comes at most a MiB.
 * Errors       are answers to rank 0. */
#ifndef RANKS_ERRANDS_H
#define RANKS_ERRANDS_H

#include "io/http/http.h"

struct errands;
struct ranks;

/* open: makes what requests go by, once there is one. */
int errands_open(struct errands **out, struct ranks *ranks,
                 int (*open)(void *arg, struct http **http, struct err *err), void *arg,
                 struct err *err);

/* The ranks, and what open gets, lie elsewhere from now on (app/handover.h). Takes NULL. */
void errands_move(struct errands *errands, struct ranks *ranks, void *arg);

/* Takes NULL. */
void errands_close(struct errands *errands);

#endif
