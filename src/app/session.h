/* app/session.h -- one call of the library, as functions that are called
 * in this order. */
#ifndef APP_SESSION_H
#define APP_SESSION_H

#include "app/session_state.h"

/* Collective, and agreed. sources: of the call. */
int session_open(struct session *s, MPI_Comm comm, const struct mpifetch_options *options,
                 size_t sources, enum session_task task, struct err *err);

/* Collective, after app/course.h. Build the staging, and see to it that all ranks have it; nothing if
 * all files exist. session_build: without a look whether all nodes share it (app/sharing.h). */
int session_stage(struct session *s, struct err *err);
int session_build(struct session *s, struct err *err);

/* Collective. Nothing if all files exist. */
int session_fetch(struct session *s, struct err *err);

/* All but what belongs to the ranks, and to the connection to the source. May be called
 * twice. */
void session_release(struct session *s);

/* Of the one that has the ranks. false: a rank is lost, and MPI cannot be used any more. */
bool session_close(struct session *s);

#endif
