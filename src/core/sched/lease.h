/* core/sched/lease.h -- the assignment of one segment to one rank.
 *
 * A segment has at most two leases: the first writes to the segment's final path, the
 * copy to private space of its rank. A lease is always in the list of its rank, and in at
 * most one of two queues ("lines"): leases that are watched for lack of progress, the
 * longest without it in front, or leases about which a message has to be sent.
 *
 * Life cycle   lease_open ... lease_close; numbers are reused. 0 is no lease.
 * Cost         every call takes constant time.
 * Memory       8 bytes per segment, and 72 for each open lease. */
#ifndef CORE_SCHED_LEASE_H
#define CORE_SCHED_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum lease_state {
    LEASE_QUEUED,   /* its rank has not begun */
    LEASE_RUNNING,  /* bytes move */
    LEASE_LANDED,   /* a complete copy, in private space */
    LEASE_ADOPTING, /* a copy that became the first, on its way to its final path */
    LEASE_STOPPING, /* told to stop; the lease lasts until the rank answers */
    LEASE_STATES
};

enum lease_slot { LEASE_FIRST, LEASE_COPY, LEASE_SLOTS };
enum lease_line { LINE_NONE, LINE_WATCH, LINE_SEND, LEASE_LINES };

struct lease {
    double started;    /* when its rank began */
    double moved;      /* when it last made progress, or got a message */
    double copy_after; /* a copy failed: none before that time */
    uint64_t bytes;
    uint32_t segment;
    int rank;
    int heir;  /* the rank that waits for it to be taken back; or -1 */
    int avoid; /* should not get the segment once this late copy ended; or -1 */
    uint32_t behind, before;           /* in the line */
    uint32_t mine_behind, mine_before; /* in the rank's list, in order of opening */
    uint8_t state, slot, line, message;
};

/* How long transfers take; a request by itself counts as a MiB. */
struct pace {
    double seconds, weight;
};

struct holder {
    uint32_t first, last; /* the rank's leases */
    uint32_t in[LEASE_STATES];
    uint32_t peak;     /* most that it ran at a time: its number of slots */
    uint32_t expected; /* segments about to be taken from others for it */
    struct pace pace;
    uint32_t stash; /* credit that came while it was muted */
    bool muted;
};

struct lease_book {
    struct lease *lease;
    uint32_t (*of)[LEASE_SLOTS]; /* leases of each segment */
    struct holder *holder;
    uint32_t first[LEASE_LINES], last[LEASE_LINES];
    uint32_t used, unused; /* highest number in use; head of the free list */
    uint32_t copies;       /* leases in LEASE_COPY */
    struct pace pace;      /* of all ranks */
};

int lease_book_init(struct lease_book *book, uint32_t nsegments, int nranks,
                    struct err *err);
void lease_book_release(struct lease_book *book);

uint32_t lease_open(struct lease_book *book, uint32_t segment, enum lease_slot slot,
                    int rank, double now);
void lease_close(struct lease_book *book, uint32_t number);

/* 0 if the rank has none for that segment. */
uint32_t lease_find(const struct lease_book *book, uint32_t segment, int rank);
uint32_t lease_other(const struct lease_book *book, uint32_t number);

void lease_enter(struct lease_book *book, uint32_t number, enum lease_state next);

/* Behind all that are in that line. */
void lease_line(struct lease_book *book, uint32_t number, enum lease_line line);

/* The copy becomes the first lease of its segment, which has none. */
void lease_promote(struct lease_book *book, uint32_t number);

/* Put the leases of a segment into LINE_WATCH or take them out: only a segment with one
 * lease is watched, since there is no third. Those in LINE_SEND stay. */
void lease_watch(struct lease_book *book, uint32_t segment, double now);

/* Begin and end to reserve the segment for the heir, once it has been taken back. */
void lease_bequeath(struct lease_book *book, uint32_t number, int heir);
void lease_disinherit(struct lease_book *book, uint32_t number);

/* The rank is busy although no bytes arrive: the time without progress restarts. */
void lease_alive(struct lease_book *book, uint32_t number, double now);

/* So many bytes have arrived in all: the rank has begun, and if they are more than before
 * it has made progress. */
void lease_progress(struct lease_book *book, uint32_t number, uint64_t bytes, double now);

/* Take the duration of a complete transfer into the estimates of lease_guess. */
void lease_learn(struct lease_book *book, uint32_t number, uint64_t bytes, double now);

/* Estimate of the seconds that the rank takes for so many bytes; 0: not known yet. */
double lease_guess(const struct lease_book *book, int rank, uint64_t bytes);

uint32_t lease_held(const struct lease_book *book, int rank); /* how many in all */

#endif
