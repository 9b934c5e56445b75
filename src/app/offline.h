/* app/offline.h -- a revision as the cache of the Hub's library knows it, where
 * HF_HUB_OFFLINE forbids to ask. */
#ifndef APP_OFFLINE_H
#define APP_OFFLINE_H

#include "app/session_state.h"
#include "source/source.h"

/* Rank 0, layout hf-cache: fills the plan (not sealed) from refs and trees of the cache.
 * ERR_SOURCE if they do not tell. */
int offline_list(struct session *s, const struct source_config *config, struct err *err);

/* Rank 0, after the look at the cache: ERR_SOURCE unless all is there. */
int offline_refuse(const struct session *s, struct err *err);

#endif
