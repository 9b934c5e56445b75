/* app/session.h -- one call of the library, as functions that are called
 * in this order. */
#ifndef APP_SESSION_H
#define APP_SESSION_H

#include "app/session_state.h"

/* Collective, and agreed. */
int session_open(struct session *s, MPI_Comm comm, const struct mpifetch_options *options,
                 enum session_task task, struct err *err);

/* Collective. Rank 0 lists the source and looks at DEST; only rank 0 has s->target and
 * the plan then. With --check all ranks hash the existing files. */
int session_list(struct session *s, struct err *err);

/* Collective. The same where the plan is known and the source is not asked for it. */
int session_look(struct session *s, struct err *err);

/* Collective. Build the staging, and see to it that all ranks have it; nothing if all files
 * exist. session_build: without a look whether all nodes share it (app/sharing.h). */
int session_stage(struct session *s, struct err *err);
int session_build(struct session *s, struct err *err);

/* Collective. Nothing if all files exist. */
int session_fetch(struct session *s, struct err *err);

/* All but what belongs to the ranks, and to the connection to the source. */
void session_release(struct session *s);

/* false: a rank is lost, and MPI cannot be used any more. */
bool session_close(struct session *s);

#endif
