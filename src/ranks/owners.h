/* ranks/owners.h -- the processes and the batch job of this run, which a later run asks
 * for if this one leaves something behind (core/state/owner.h). */
#ifndef RANKS_OWNERS_H
#define RANKS_OWNERS_H

#include "ranks/run.h"

/* Collective. Sets run->staging.owner on keepers. */
int owners_take(struct run *run, struct err *err);

#endif
