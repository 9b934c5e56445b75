/* fetch/passage.h -- the pieces that are on their way between this node and others, and what
 * of it rank 0 is told: bytes, and seconds in which any were.
 *
 * Life cycle   passages_open; passages_add for a piece that is taken or given, passages_begin
 *              once there is a berth for it, passages_ended gives back those that have ended,
 *              to be freed; passages_close.
 * Threads      all calls on the main thread. */
#ifndef FETCH_PASSAGE_H
#define FETCH_PASSAGE_H

#include "core/state/stats.h"
#include "fetch/berths.h"
#include "fetch/consignment.h"
#include "io/mpi/fabric.h"

struct passage {
    struct passage *next;
    struct consignment *consignment;
    struct recipient *to; /* NULL: it is taken */
    struct piece piece;
    int rank;            /* of the other node */
    unsigned number;     /* under which the bytes travel */
    struct berth *berth; /* NULL: not begun */
    double began;        /* clock_now */
};

/* To one rank. */
struct flight {
    unsigned most; /* core/state/flight.h */
    unsigned seen; /* in a walk over all passages */
};

struct passages {
    struct fabric *fabric;
    unsigned most;
    struct passage *first;   /* in the order in which they were added */
    unsigned taking, giving; /* that have begun */
    struct traffic traffic;
    double counted;        /* clock_now: until then in traffic */
    struct flight *flight; /* to each rank */
    int ranks;
};

/* most: on their way at a time. */
int passages_open(struct passages *passages, struct comm *comm, unsigned most,
                  struct err *err);

/* Takes a zeroed struct. false: MPI has still some of the berths. */
bool passages_close(struct passages *passages, double patience);

int passages_add(struct passages *passages, const struct passage *passage,
                 struct passage **added, struct err *err);

/* Begins a walk over all that is given. */
void passages_walk(struct passages *passages);

/* In a walk, for each that is given: as many before it are under way to its rank, or are to
 * be, as may be at a time. */
bool passages_wait(struct passages *passages, const struct passage *passage);

/* Whether one more may begin. */
bool passages_room(const struct passages *passages);
int passages_begin(struct passages *passages, struct passage *passage,
                   struct berth *berth, struct err *err);

/* 1: *ended has, and is the caller's; 0: none has; -1: MPI failed. */
int passages_ended(struct passages *passages, struct passage **ended, struct err *err);

/* As of now. */
struct traffic passages_traffic(struct passages *passages);

#endif
