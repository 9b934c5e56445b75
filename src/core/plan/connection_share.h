/* core/plan/connection_share.h -- how many connections each rank of a job may open. */
#ifndef CORE_PLAN_CONNECTION_SHARE_H
#define CORE_PLAN_CONNECTION_SHARE_H

#include <stdbool.h>

/* Slots of each rank into out. No rank gets more than its `most`, all together no more
 * than total (0: no limit). They are dealt one by one, to the first rank of each node,
 * then to the second of each node, and so on: with fewer slots than ranks each node
 * still has its share, since a slot uses the network card of its node. node[i] is the
 * node of rank i. */
void connection_share_slots(const int *node, const unsigned *most, int nranks,
                            unsigned total, unsigned *out);

/* Transfers per rank if the user did not choose: many for a few ranks (one TCP connection
 * does not fill a long link), few for many (servers ban clients with thousands). */
unsigned connection_share_default(int nranks);

/* How many a rank with so many slots may have if they prove useful: more than them, unless
 * the user has pinned the number. */
unsigned connection_share_most(unsigned slots, unsigned total, bool pinned);

enum {
    CONNECTION_SHARE_TOTAL = 256, /* connections of a job if the user did not choose */
    CONNECTION_SHARE_MOST = 32    /* of a rank: each needs a MiB of buffers */
};

#endif
