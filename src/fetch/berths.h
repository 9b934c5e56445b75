/* fetch/berths.h -- the memory of a keeper through which pieces go from node to node. A
 * piece that is taken lies in a berth until it is written, one that is given until it has
 * left; after that its bytes stay there until the berth is needed, so that what is passed
 * on at once is not read from the disk.
 *
 *     FREE -> TAKING -> FULL -> KEPT     posted to MPI; being checked and written; written
 *     FREE -> READING -> KEPT            from the disk
 *     KEPT -> FREE, by berths_take       if nothing of it is on its way (leaving == 0)
 *
 * Two berths are never TAKING or FULL: what others wait for can always be read, and what is
 * on its way to a node that has a place for it leaves by itself. So no circle of nodes can
 * wait for each other.
 *
 * Where both directions wait for berths each has half of them: a link that is slow both ways
 * would else carry the one that began first, and then the other.
 *
 * Life cycle   berths_open; each turn berths_ask for a direction, and berths_take for what
 *              goes that way, then the caller sets the state; berths_close once neither MPI
 *              nor the pool has any of them.
 * Threads      all calls on the main thread; the bytes are the thread's that has the job. */
#ifndef FETCH_BERTHS_H
#define FETCH_BERTHS_H

#include "core/state/piece.h"
#include "io/pool.h"

enum berth_state { BERTH_FREE, BERTH_TAKING, BERTH_FULL, BERTH_READING, BERTH_KEPT };

struct consignment;

struct berth {
    enum berth_state state;
    unsigned leaving; /* sends of it that are on their way */
    char *bytes;      /* for direct I/O */
    uint32_t ticket;  /* whose piece it is */
    struct piece piece;
    bool wrong;    /* as it was read */
    uint64_t used; /* grows: when it was last taken or asked for */
    struct consignment *consignment;
    struct job job;
};

struct berths {
    struct berth *berth;
    uint32_t count;
    size_t size;   /* bytes of each */
    uint64_t uses; /* so far */
    bool waits[2]; /* something had no room: what is given, what is taken */
};

enum {
    BERTHS_LEAST = 4,
    BERTHS_PARTS = 16 /* of the memory, where berths are neither short nor long */
};

/* How many bytes a berth has if there is memory for so many in all: at least BERTHS_LEAST
 * of them, each of 1 to 4 MiB, and no longer than parcels are. */
size_t berths_size(uint64_t memory, uint64_t parcel);

int berths_open(struct berths *berths, uint64_t memory, uint64_t parcel, struct err *err);
/* lent: MPI may still use the memory, so it stays until the process ends. */
void berths_close(struct berths *berths, bool lent);

/* What has waited that way so far is asked for again, or waits no more. */
void berths_ask(struct berths *berths, bool takes);

/* An empty one for a piece; or NULL. takes: it comes from another node. */
struct berth *berths_take(struct berths *berths, bool takes, uint32_t ticket,
                          const struct piece *piece);

/* The one that has the piece, or is about to; or NULL. */
struct berth *berths_find(struct berths *berths, uint32_t ticket, uint32_t number);

#endif
