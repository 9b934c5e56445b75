/* app/finish.h -- the end of a call: the staged tree is published and the
 * result reported. */
#ifndef APP_FINISH_H
#define APP_FINISH_H

#include "app/session_state.h"

/* Collective. Publish, and wait until all nodes see it; nothing if all files exist. */
int finish_publish(struct session *s, struct err *err);

/* Collective. Without a publish: landed segments are kept for the next run. */
void finish_leave(struct session *s);

/* Collective. Summary, report and trace, whether the run failed or not. */
void finish_report(struct session *s, int rc, const struct err *err);

#endif
