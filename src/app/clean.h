/* app/clean.h -- the command clean: what dead runs left behind is removed.
 *
 * A command only: a program that calls the library has no more business to clean up after
 * others than a user with a shell. */
#ifndef APP_CLEAN_H
#define APP_CLEAN_H

#include <mpi.h>

#include "mpifetch.h"

/* Collective. Of the options dest, dry_run and what is said count. dest is a DEST, the
 * directory that DESTs stand in, the root of a Hub cache, or a scratch directory, of
 * which each node has its own. Returns enum mpifetch_status, the same on every rank:
 * MPIFETCH_DEST if something dead could not be removed. */
int clean(MPI_Comm comm, const struct mpifetch_options *options,
          struct mpifetch_report *report);

#endif
