/* coordinate/standstill.h -- rank 0, with --per-node: all has been fetched, something is
 * missing on some node, and nothing is under way that could bring it, because a message was
 * lost, say. Nobody is silent then, so that nothing else would end the run.
 *
 * Life cycle   standstill_begin; standstill_moved whenever a rank has said that something is
 *              under way on it, or has ended; standstill_check.
 * Time         seconds for which rank 0 has listened: core/state/silence.h. */
#ifndef COORDINATE_STANDSTILL_H
#define COORDINATE_STANDSTILL_H

#include "ranks/run.h"

struct standstill {
    const struct run *run;
    double since;
};

void standstill_begin(struct standstill *standstill, const struct run *run);

void standstill_moved(struct standstill *standstill);

/* Something is missing on that node, which is named, or -1. ERR_NETWORK once nothing has
 * been under way for twice --rank-timeout, within which a rank that is lost is noticed. */
int standstill_check(const struct standstill *standstill, int node, struct err *err);

#endif
