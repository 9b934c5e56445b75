#include "fake_comm.h"

bool comm_node_first(const struct comm *comm)
{
    return comm->node_first;
}
