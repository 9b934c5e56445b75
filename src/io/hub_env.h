/* io/hub_env.h -- what the Hub's library takes from the environment, as it takes it: in
 * paths "~" and variables are resolved. */
#ifndef IO_HUB_ENV_H
#define IO_HUB_ENV_H

#include <stdbool.h>

#include "base/strbuf.h"

/* HF_TOKEN_PATH, else token in HF_HOME. Appended; false: there is no home directory. */
bool hub_env_token(struct strbuf *path);

/* HF_HUB_CACHE, else hub in HF_HOME. */
bool hub_env_cache(struct strbuf *path);

/* given, or, if that is NULL, HF_ENDPOINT, without '/' at its end; else the Hub itself;
 * malloc'd. NULL: out of memory. */
char *hub_env_endpoint(const char *given);

/* The variable that forbids requests to the Hub, or NULL: HF_HUB_OFFLINE; where that is
 * not set, TRANSFORMERS_OFFLINE. */
const char *hub_env_offline(void);

/* Whether a switch is on: 1, on, yes or true. */
bool hub_env_is_on(const char *name);

#endif
