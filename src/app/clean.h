/* app/clean.h -- the command clean: removes what dead runs left behind.
 *
 * mpifetch.h does not offer it: removing leftovers of other runs is up to the user. */
#ifndef APP_CLEAN_H
#define APP_CLEAN_H

#include <mpi.h>

#include "mpifetch.h"

/* Collective. Uses the options dest and dry_run and those for messages. dest is a DEST,
 * the parent directory of DESTs, the root of a Hub cache, or a scratch directory, of
 * which each node has its own. Returns enum mpifetch_status, the same on every rank:
 * MPIFETCH_DEST if leftovers of a dead run could not be removed. */
int clean(MPI_Comm comm, const struct mpifetch_options *options,
          struct mpifetch_report *report);

#endif
