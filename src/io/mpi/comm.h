/* io/mpi/comm.h -- messages between ranks. Below app/ nothing else calls MPI.
 *
 * It owns a duplicate of the caller's communicator. No call waits in an MPI collective,
 * except comm_open and comm_close; agreement goes by messages through rank 0
 * (ranks/agree.h), so that the others need not wait for a rank that is gone. Messages
 * between two ranks arrive in order; a rank may send to itself. */
#ifndef IO_MPI_COMM_H
#define IO_MPI_COMM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/strbuf.h"

struct comm;

/* Collective. false: the last messages have not left within so many seconds, so a rank is
 * gone, and the state is as after comm_abandon. Takes NULL. */
bool comm_close(struct comm *comm, double patience);

/* Instead of comm_close if a rank is gone; not collective. Waits a second for the last
 * messages to leave, and for nothing else: the duplicate, and messages under way on it,
 * stay until the process ends. */
void comm_abandon(struct comm *comm);

int comm_rank(const struct comm *comm);
int comm_size(const struct comm *comm);

/* Filled by comm_open. Nodes are numbered from 0 on by their lowest rank. */
int comm_nodes(const struct comm *comm);
int comm_node(const struct comm *comm, int rank);
int comm_node_size(const struct comm *comm, int node);
int comm_node_lowest(const struct comm *comm, int node); /* its lowest rank */
bool comm_node_first(const struct comm *comm); /* this rank is the lowest of its node */
const char *comm_host(const struct comm *comm, int rank);

/* Queue a message; the bytes are copied. Any size. */
int comm_send(struct comm *comm, int to, const void *bytes, size_t len, struct err *err);

/* The next message that has arrived completely: in buf, which it replaces; sender in
 * *from. 1: there is one; 0: none; -1: one that cannot be received. With 0, *from is the
 * rank whose message has begun to arrive, or -1. Lets sends make progress. */
int comm_recv(struct comm *comm, struct strbuf *buf, int *from, struct err *err);

#endif
