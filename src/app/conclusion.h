/* app/conclusion.h -- what the run of one source came to, once all ranks have agreed. */
#ifndef APP_CONCLUSION_H
#define APP_CONCLUSION_H

#include "app/session_state.h"

/* Collective. rc and *err: of its last step, the same on all ranks. Fills *report, the same on
 * all ranks, prints the summary and writes the report, or adds it to s->rows. */
void conclusion_reach(struct session *s, int rc, const struct err *err,
                      struct mpifetch_report *report);

#endif
