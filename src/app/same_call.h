/* app/same_call.h -- whether the ranks of a communicator call the same function of the same
 * library, for as many places; otherwise they would wait for each other for ever. Of the other
 * options only those of rank 0 are used, so they may differ, and a plan is the same call as a
 * get: MPIFETCH_DRY_RUN may be set on one rank alone.
 *
 * Errors       ERR_USAGE. */
#ifndef APP_SAME_CALL_H
#define APP_SAME_CALL_H

#include "app/session_state.h"

/* Bytes that rank 0 shares, and what another rank makes of them; more may follow them. */
void same_call_pack(const struct session *s, struct strbuf *bytes);
int same_call_unpack(const struct session *s, const char *bytes, size_t len, size_t *used,
                     struct err *err);

#endif
