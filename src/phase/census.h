/* phase/census.h -- which processes and which batch job a run is: what a later run asks
 * after, should this one leave something behind (core/owner.h). */
#ifndef PHASE_CENSUS_H
#define PHASE_CENSUS_H

#include "phase/run.h"

/* Collective. Rank 0 has run->owner then. */
int census_take(struct run *run, struct err *err);

#endif
