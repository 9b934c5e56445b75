/* fake_comm.h -- io/mpi/comm.h without MPI, as far as the tests of phase/ need it. A test
 * sets the answers. */
#ifndef FAKE_COMM_H
#define FAKE_COMM_H

#include "io/mpi/comm.h"

struct comm {
    bool node_first;
    int nodes; /* 0: one */
};

#endif
