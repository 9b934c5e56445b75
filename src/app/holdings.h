/* app/holdings.h -- with --per-node on several nodes: what of the new tree each node has
 * before the first request, in files that it had or in what former runs left there. That is
 * not fetched, and others that lack it get it from there. */
#ifndef APP_HOLDINGS_H
#define APP_HOLDINGS_H

#include "app/session_state.h"

/* Collective, once stagings are built. Verifies what former runs left. Sets
 * run->nodes.holding, on rank 0 of all nodes, on other keepers of their own, and on rank 0
 * the checksums of what some node has and another lacks. */
int holdings_find(struct session *s, struct err *err);

#endif
