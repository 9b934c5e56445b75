/* app/survey.h -- what the source has, what of it the destination has already,
 * and which run fetches the rest. Work for ranks/background.h: arg is the session. */
#ifndef APP_SURVEY_H
#define APP_SURVEY_H

#include "app/session_state.h"

/* Rank 0: ask the source. */
int survey_source(void *arg, struct err *err);

/* Rank 0: look at DEST. */
int survey_dest(void *arg, struct err *err);

/* Rank 0: ask the source and look at DEST. */
int survey(void *arg, struct err *err);

/* Rank 0, once it is certain which files exist: claim a staging for the rest, or wait until
 * another run has published all of it; then cut the plan into segments. */
int survey_claim(void *arg, struct err *err);

/* Keeper of one of several nodes: look at the node's DEST, and hash what is unsure there. */
int survey_node(void *arg, struct err *err);

/* The same, for a plan: whether the node could have it. */
int survey_foresee_node(void *arg, struct err *err);

/* Keeper of one of several nodes, unless no node lacks anything: claim a staging, also where
 * all is there, for what others lack is read from it. */
int survey_claim_node(void *arg, struct err *err);

#endif
