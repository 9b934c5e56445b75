/* app/survey.h -- rank 0: what the source has, what of it is there, and who fetches the
 * rest. Work for ranks/background.h: arg is the session. */
#ifndef APP_SURVEY_H
#define APP_SURVEY_H

#include "app/session_state.h"

/* Ask the source and look at DEST. */
int survey(void *arg, struct err *err);

/* Once it is certain what is there: win a staging for the rest, or wait until another run
 * has published all of it; then cut the plan. */
int survey_claim(void *arg, struct err *err);

#endif
