/* app/node_parts.h -- --per-node-include: each node gets those files of the plan that a map
 * names for it (core/plan/node_map.h). What no node gets is not in the plan,
 * unless a DEST beside them gets it.
 *
 * A node that gets nothing publishes nothing: what it has stays as it is. */
#ifndef APP_NODE_PARTS_H
#define APP_NODE_PARTS_H

#include "app/session_state.h"

/* Collective: rank 0 reads the map, all ranks have it after that. ERR_USAGE if it is for no
 * node of the job. */
int node_parts_open(struct session *s, struct err *err);

/* Whether some node gets that path, or DEST. arg: the session. */
bool node_parts_keep(void *arg, const char *path);

/* Whether some rule is for the node of this rank. */
bool node_parts_has_rule(const struct session *s);

/* Rank 0: name those nodes that have no rule, and nothing to verify. */
void node_parts_tell_bare(const struct session *s, const bool *bare);

/* Rank 0, once the plan is there: ERR_SOURCE if no node gets anything. */
int node_parts_check(const struct session *s, struct err *err);

/* Rank 0, once the plan is there: say what of the map is for nothing. */
void node_parts_tell(const struct session *s);

/* With the plan: what this rank's node wants, and on rank 0 what all do. agree_step comes
 * next. */
int node_parts_find(struct session *s, struct err *err);

#endif
