/* app/session.h -- one call of the library: the phases in order. */
#ifndef APP_SESSION_H
#define APP_SESSION_H

#include "app/session_state.h"

/* Collective, and agreed. */
int session_open(struct session *s, MPI_Comm comm, const struct mpifetch_options *options,
                 enum session_task task, struct err *err);

/* Collective. Rank 0 asks the source and looks at DEST; s->target and the plan are then
 * rank 0's. With --check all hash what is there. */
int session_list(struct session *s, struct err *err);

/* Collective. Staging and fetch; nothing if all is there. */
int session_fetch(struct session *s, struct err *err);

/* false: a rank is lost, and MPI is of no more use. */
bool session_close(struct session *s);

#endif
