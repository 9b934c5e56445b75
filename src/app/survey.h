/* app/survey.h -- rank 0: what the source has, what of it the destination has already,
 * and which run fetches the rest. Work for ranks/background.h: arg is the session. */
#ifndef APP_SURVEY_H
#define APP_SURVEY_H

#include "app/session_state.h"

/* Ask the source and look at DEST. */
int survey(void *arg, struct err *err);

/* Once it is certain which files exist: claim a staging for the rest, or wait until
 * another run has published all of it; then cut the plan into segments. */
int survey_claim(void *arg, struct err *err);

#endif
