/* app/handover.h -- from the session of one source to that of the next of the same call. */
#ifndef APP_HANDOVER_H
#define APP_HANDOVER_H

#include "app/session_state.h"

/* What a call has once: the ranks and how they speak, and connections to the source.
 * Between two steps; from is left without, and may only be released. */
void handover_pass(struct session *from, struct session *to);

/* Collective, and agreed: for another source at the place of session_open. What a call has
 * once passes to it from before. Of the options what is fetched, and dest, are its own; all
 * else is as in before. */
int handover_open(struct session *s, struct session *before,
                  const struct mpifetch_options *options, struct err *err);

#endif
