/* app/per_node.h -- with --per-node on several nodes: what each keeper does at the DEST of
 * its node, as rank 0 does it where all share one, and what rank 0 makes of all of them.
 *
 * A node that fails in any of these steps takes no further part (ranks/outcome.h). */
#ifndef APP_PER_NODE_H
#define APP_PER_NODE_H

#include "app/session_state.h"

/* Collective. As course_look and course_claim (app/course.h). */
int per_node_list(struct session *s, struct err *err);

/* Collective. As listing_show: what the nodes have of each file, and what each lacks; and on
 * rank 0, of a DEST beside them: what it has, unless *failed says why not. */
int per_node_show(struct session *s, const struct existing *dest,
                  const struct err *failed, struct err *err);

/* Collective. Build a staging on each node, and tell its ranks; which nodes take no part is
 * known to all then. */
int per_node_stage(struct session *s, struct err *err);

/* Collective, after the fetch: what has passed between nodes, and was resumed, for the
 * report. */
int per_node_note(struct session *s, struct err *err);

/* Collective. Publish on each node that has not failed, and clean up. */
int per_node_publish(struct session *s, struct err *err);

/* The connections among ranks of nodes that have not failed: the others fetch nothing.
 * reads: from the copy of their node, which some of those had. */
int per_node_deal(struct session *s, bool reads, struct err *err);

/* Rank 0: success means that every node has it, unless the user said otherwise. */
int per_node_judge(struct session *s, struct err *err);

#endif
