/* app/started.h -- what all ranks of a job must be started with: one command of one
 * version, and the same places. Otherwise they would wait for each other for ever, or one
 * of two sources would be dropped in silence. By collectives of MPI, which the messages of
 * another version do not disturb.
 *
 * Errors       -1 on all ranks, and ERR_USAGE with the sentence on the first that differs;
 *              err->text of the others is empty.
 * Collective   over MPI_COMM_WORLD. */
#ifndef APP_STARTED_H
#define APP_STARTED_H

#include "app/options.h"

int started_alike(const struct options *options, int rank, struct err *err);

#endif
