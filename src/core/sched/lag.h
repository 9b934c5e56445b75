/* core/sched/lag.h -- which nodes leave what the source has still to others, where every node
 * is to have everything.
 *
 * What a node has not fetched itself comes to it from the others. If its link to them is
 * slow it is the last to be complete, while its link to the source has been idle since
 * nothing was left there. So whoever lags behind in what others have for it fetches more
 * itself: as much as it can until all of that has come. Others are granted nothing as long as
 * that is all that the source has still.
 *
 * With x of the content fetched by a node, it is complete after the longer one of x / source
 * and (content - x) / others, at its speeds from there; both become equal, and the whole is
 * fetched once all the same. By simulation (as mpi_tests/unit/core/sched/sim_spread.c), 4
 * nodes, 512 MiB, one of them with a tenth of the speed to the others, which is its speed from
 * the source: 12.0 s, and 16.2 s if each node takes what it can get; at best 10.7 s.
 *
 * What a node fetches it has to give to others by the same link: so what the slower one of
 * its links carries counts.
 *
 * Life cycle   lag_create; lag_look now and then, which says who yields; lag_destroy.
 * Time         an argument: seconds from any origin, never going back.
 * Cost         a look: the square of the nodes; a millisecond with 1,024. */
#ifndef CORE_SCHED_LAG_H
#define CORE_SCHED_LAG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Of a node, at a look. */
struct lag_node {
    uint64_t came;   /* bytes that it has got from others so far */
    uint64_t coming; /* bytes under way to it */
    uint64_t lacks;  /* bytes that others have and it lacks, those under way among them */
    uint64_t leased; /* bytes that were granted to it and are not there yet */
    uint64_t left;   /* of them: those that are not fetched yet */
    double source;   /* bytes a second that it fetches; 0: none, or it is not known */
};

struct lag;

/* least: bytes under way to a node, below which its link to the others is not what it waits
 * for. */
int lag_create(struct lag **out, int nodes, uint64_t least, struct err *err);
void lag_destroy(struct lag *lag); /* takes NULL */

/* node: one for each. pending: bytes that nobody has fetched, or is to fetch. */
void lag_look(struct lag *lag, const struct lag_node *node, uint64_t pending, double now);

/* Nothing more is to be granted to that node until the next look. */
bool lag_yields(const struct lag *lag, int node);

#endif
