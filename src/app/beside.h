/* app/beside.h -- with --per-node and a DEST: DEST is published as where all ranks share it,
 * and each node has its copy too, while the source is asked once.
 *
 * A session of its own sees to DEST, on the same ranks. DEST is claimed and built before the
 * first request, and nodes read what it has already there. Once they have their copies it is
 * filled by all ranks, each from the copy of its node, and published.
 *
 * What only DEST is to blame for (ERR_DEST) does not keep the nodes from their copies: it is
 * what beside_judge returns in the end. Without a DEST nothing is done here.
 *
 * Life cycle   beside_open after session_open; the others in this order; beside_close.
 * Collective   all but beside_close. */
#ifndef APP_BESIDE_H
#define APP_BESIDE_H

#include "app/session_state.h"

/* ERR_USAGE if DEST and the directory of a node are the same, or one lies in the other. */
int beside_open(struct session *s, struct err *err);

/* Once the source has been listed: what DEST has already. */
int beside_list(struct session *s, struct err *err);

/* The plan as text. */
int beside_show(struct session *s, struct err *err);

/* ERR_DEST if not all nodes share DEST: nobody has fetched anything then. Sets
 * s->run.nearby. */
int beside_stage(struct session *s, struct err *err);

/* Once nodes have published. */
int beside_publish(struct session *s, struct err *err);

/* Success means that every node has it, and DEST too. */
int beside_judge(struct session *s, struct err *err);

/* The call has failed: what was staged for DEST stays for the next run. */
void beside_leave(struct session *s);

void beside_close(struct session *s);

#endif
