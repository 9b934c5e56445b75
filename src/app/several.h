/* app/several.h -- a call of the library from start to end, for one source or several.
 *
 * All sources are listed before anything is claimed or fetched: what cannot be listed ends
 * the call. Then each is claimed, fetched and published by itself, one after the other, by
 * the same ranks and connections; one that fails keeps no other from it, unless the call
 * was interrupted, a rank is lost, or the reason is a defect. No two are claimed at a time: of two
 * runs that want the same sources in another order each would wait for the other. */
#ifndef APP_SEVERAL_H
#define APP_SEVERAL_H

#include "app/session_state.h"

/* Collective. As mpifetch_get_several, which says what becomes of reports. */
int several_run(MPI_Comm comm, const struct mpifetch_options *options, size_t count,
                struct mpifetch_report *reports, enum session_task task);

#endif
