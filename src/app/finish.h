/* app/finish.h -- the end of a call: what is staged becomes visible, and what happened is
 * said. */
#ifndef APP_FINISH_H
#define APP_FINISH_H

#include "app/session_state.h"

/* Collective. The visible step, and all nodes look; nothing if all is there. */
int finish_publish(struct session *s, struct err *err);

/* Collective. Summary, report and trace, whatever happened before. */
void finish_report(struct session *s, int rc, const struct err *err);

#endif
