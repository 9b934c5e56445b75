/* ranks/nodes.h -- the nodes of a run, by index: from 0 on, in the order of their keepers.
 * The keeper of a node is its lowest rank; so that of node 0 is rank 0. */
#ifndef RANKS_NODES_H
#define RANKS_NODES_H

#include "base/err.h"
#include "base/strbuf.h"

struct ranks;
struct run;

/* Each of several nodes gets a copy, and they send each other what they have. With one node
 * --per-node is as a DEST that all ranks share. */
bool nodes_spread(const struct run *run);

/* Whether each node proves that file by a digest of its own copy. With --per-node-verify
 * segments it is so only where nothing is announced to compare with; else one digest is made
 * for all, as in a tree that all nodes share. */
bool nodes_prove(const struct run *run, uint32_t file);

int nodes_count(const struct ranks *ranks);

/* Of a rank. */
int nodes_of(const struct ranks *ranks, int rank);

int nodes_keeper(const struct ranks *ranks, int node);

/* Nodes that have the same disk after all are one from here on. with: of each node of comm
 * the first one that has the same, which is itself where it has its own. */
int nodes_join(struct ranks *ranks, const int *with, struct err *err);
void nodes_release(struct ranks *ranks);

/* Collective. Send bytes of each keeper to the ranks of its node. As after agree_share,
 * agree_step comes before the next share. */
int nodes_share(struct ranks *ranks, struct strbuf *bytes, struct err *err);

#endif
