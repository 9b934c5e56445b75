/* app/login.h -- --user as the header that it is, beside those that were given. Headers go to
 * the source's own host only, rank 0 gives them to all, and no log or report has them.
 *
 * Life cycle   login_open; login_release, also after a failure. */
#ifndef APP_LOGIN_H
#define APP_LOGIN_H

#include "app/session_state.h"

/* s->run.opt.headers from s->options. */
int login_open(struct session *s, struct err *err);
/* Whether there is one, or a header that is: a token beside it would be a second one. */
bool login_is_given(const struct mpifetch_options *o);
void login_release(struct session *s);

#endif
