/* io/mpi/fabric.h -- large buffers from rank to rank, many at a time, without a copy of
 * them on the way and without waiting for any.
 *
 * Both sides name a transfer by the same number. The receiver begins first and then tells
 * the sender, by a message (ranks/mail.h), that it may begin: so no bytes arrive without a
 * place for them, and each send that has begun ends by itself.
 *
 * Life cycle   fabric_open; fabric_receive and fabric_send begin a transfer, fabric_next
 *              tells which have ended; fabric_close, also while some are under way.
 * Progress     is made by any call of MPI, so also while messages are looked for.
 * Ownership    the bytes of a transfer are the fabric's until it has ended.
 * Errors       of one transfer touch no other. -1 from fabric_open and from those that
 *              begin one: out of memory, or MPI itself failed.
 * Threads      all calls on the main thread. */
#ifndef IO_MPI_FABRIC_H
#define IO_MPI_FABRIC_H

#include "io/mpi/comm.h"

struct fabric;

/* Numbers go up to there and begin anew: no two transfers from a rank to another have the
 * same one at a time. */
enum { FABRIC_NUMBERS = 16384 };

/* most: transfers at a time, all that are not yet told of by fabric_next. */
int fabric_open(struct fabric **out, struct comm *comm, unsigned most, struct err *err);

/* owner: what fabric_next tells. len is at most INT_MAX, and the same on both sides. */
int fabric_receive(struct fabric *fabric, int from, unsigned number, void *bytes,
                   size_t len, void *owner, struct err *err);
int fabric_send(struct fabric *fabric, int to, unsigned number, const void *bytes,
                size_t len, void *owner, struct err *err);

/* 1: that of *owner has ended; 0: none has since; -1: it has failed, and why, or MPI itself,
 * if *owner is NULL. */
int fabric_next(struct fabric *fabric, void **owner, struct err *err);

unsigned fabric_running(const struct fabric *fabric); /* not yet told of */

/* Takes NULL. Not collective: receives that nobody has begun to send for are taken back,
 * the others end within so many seconds, or it is false: MPI may still read or write the
 * bytes of what was under way, which must stay until the process ends. */
bool fabric_close(struct fabric *fabric, double patience);

#endif
