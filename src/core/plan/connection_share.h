/* core/plan/connection_share.h -- how the connections of a whole job are shared out. */
#ifndef CORE_PLAN_CONNECTION_SHARE_H
#define CORE_PLAN_CONNECTION_SHARE_H

/* Slots of each rank into out. No rank gets more than per_rank, all together no more than
 * total (0: no bound). They are dealt one by one, to the first rank of each node, then to
 * the second of each node, and so on: when there are fewer slots than ranks each node has
 * its share, since a node's network card is what a slot makes use of. node[i] is the node
 * of rank i. */
void connection_share_slots(const int *node, int nranks, unsigned per_rank,
                            unsigned total, unsigned *out);

/* Transfers of a rank where the user did not say: many for a few ranks (one TCP
 * connection does not fill a long link), few for many (a source bans who opens
 * thousands). */
unsigned connection_share_default(int nranks);

enum {
    CONNECTION_SHARE_TOTAL = 256
}; /* connections of a job where the user did not say */

#endif
