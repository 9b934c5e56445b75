/* io/mpi/comm_mpi.h -- how a communicator is opened, what MPI needs before anything is sent,
 * and what its launcher says. */
#ifndef IO_MPI_COMM_MPI_H
#define IO_MPI_COMM_MPI_H

#include <mpi.h>

#include "io/mpi/comm.h"

/* Who uses which tags of the duplicate: nobody the first, messages one, large buffers all
 * from there on. */
enum { COMM_TAG_NEVER, COMM_TAG, COMM_TAG_FABRIC };

/* Collective over mpi. The communicator is duplicated. */
int comm_open(struct comm **out, MPI_Comm mpi, struct err *err);

/* The duplicate. It is the comm's own. */
MPI_Comm comm_mpi(const struct comm *comm);

/* Before anything is sent to that rank, be it MPI's own answer to what it sends: makes as
 * much progress since the last time as MPI needs to see that the connection broke. Open MPI
 * over TCP (4.1.4 at least) leaves a socket that fails while it sends among those it
 * watches; if it connects anew before it has taken that out, it goes in circles within MPI
 * for ever. */
void comm_attend(struct comm *comm, int to);

/* The index of this process, from the launcher's environment; 0 without one. MPI need not
 * be initialised. */
int comm_launch_index(void);

/* The same among those on its node. */
int comm_launch_local(void);

/* Whether the mpirun of Open MPI started several processes: each of them waits until all
 * others have initialised MPI. */
bool comm_is_launched(void);

/* Whether a launcher started several processes that MPI did not connect: each is rank 0
 * of 1. *of is how many were started, *index which of them this is. */
bool comm_is_singleton(int *index, int *of);

#endif
