/* ranks/owners.h -- which processes and which batch job a run is: what a later run asks
 * after, should this one leave something behind (core/state/owner.h). */
#ifndef RANKS_OWNERS_H
#define RANKS_OWNERS_H

#include "ranks/run.h"

/* Collective. Rank 0 has run->staging.owner then. */
int owners_take(struct run *run, struct err *err);

#endif
