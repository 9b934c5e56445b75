/* io/mpi/mpi_failed.h -- what MPI says of a call that failed. */
#ifndef IO_MPI_MPI_FAILED_H
#define IO_MPI_MPI_FAILED_H

#include "base/err.h"

/* ERR_DEFECT and "MPI error while <what>: <text of code>"; returns -1. */
int mpi_failed(int code, const char *what, struct err *err);

#endif
