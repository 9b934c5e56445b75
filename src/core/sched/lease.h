/* core/sched/lease.h -- the assignment of neighbouring segments of a file to one rank,
 * which fetches them together.
 *
 * A segment has at most one lease, which is found by the first of its segments. A lease is
 * always in the list of its rank, and in at most one of two queues ("lines"): leases that
 * are watched for lack of progress, the longest without it in front, or leases about which
 * a message has to be sent.
 *
 * Life cycle   lease_open ... lease_close; numbers are reused. 0 is no lease.
 * Cost         every call takes constant time.
 * Memory       4 bytes per segment, and 80 for each open lease. */
#ifndef CORE_SCHED_LEASE_H
#define CORE_SCHED_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/sched/meter.h"

enum lease_state {
    LEASE_QUEUED,  /* its rank has not begun, as far as is known */
    LEASE_RUNNING, /* bytes move */
    LEASE_CUTTING, /* told to give up the end, or all; until the rank answers */
    LEASE_STATES
};

enum lease_line { LINE_NONE, LINE_WATCH, LINE_SEND, LEASE_LINES };

struct lease {
    double started; /* when its rank began */
    double moved;   /* when it last made progress, or got a message */
    uint64_t bytes;
    double mark_at;          /* until then others shared its rank's link with it, */
    uint64_t mark;           /* and so many of its bytes had come */
    uint32_t segment, count; /* the first, and how many */
    uint32_t keep;           /* CUTTING: how many of them it is to keep */
    int rank;
    int heir;                /* the rank that waits for what is cut off; or -1 */
    uint32_t behind, before; /* in the line */
    uint32_t mine_behind, mine_before; /* in the rank's list, in order of opening */
    uint8_t state, line, message;
    bool begun; /* its rank has said so */
};

enum { PACE_REQUEST = 1 << 20 };

/* How long transfers take; a request by itself counts as so many bytes. */
struct pace {
    double seconds, weight;
};

struct holder {
    uint32_t first, last; /* the rank's leases */
    uint32_t in[LEASE_STATES];
    uint32_t peak;     /* most that it ran at a time: its number of slots */
    uint32_t expected; /* segments about to be taken from others for it */
    struct pace pace;
    struct meter meter; /* of all that it receives while most of its slots are in use */
    uint64_t received;  /* by the time at which that was last counted */
    double counted_at;
    uint64_t left;  /* bytes to bring: see outlook.h */
    uint32_t stash; /* credit that came while it was muted */
    bool muted;
};

struct lease_book {
    struct lease *lease;
    uint32_t *of; /* of each segment: the lease that begins with it */
    struct holder *holder;
    uint32_t first[LEASE_LINES], last[LEASE_LINES];
    uint32_t used, unused; /* highest number in use; head of the free list */
    struct pace pace;      /* of all ranks */
};

int lease_book_init(struct lease_book *book, uint32_t nsegments, int nranks,
                    struct err *err);
void lease_book_release(struct lease_book *book);

uint32_t lease_open(struct lease_book *book, uint32_t first, uint32_t count, int rank,
                    double now);
void lease_close(struct lease_book *book, uint32_t number);

/* The lease of that rank that begins with the segment; or 0. */
uint32_t lease_find(const struct lease_book *book, uint32_t segment, int rank);

void lease_enter(struct lease_book *book, uint32_t number, enum lease_state next);

/* Behind all that are in that line. */
void lease_line(struct lease_book *book, uint32_t number, enum lease_line line);

/* It keeps so many of its segments; if it was CUTTING, it has answered that. */
void lease_shorten(struct lease_book *book, uint32_t number, uint32_t keep, double now);

/* Begin and end to reserve what is cut off for the heir. */
void lease_bequeath(struct lease_book *book, uint32_t number, int heir);
void lease_disinherit(struct lease_book *book, uint32_t number);

/* The rank is busy although no bytes arrive: the time without progress restarts. */
void lease_alive(struct lease_book *book, uint32_t number, double now);

/* So many bytes have arrived in all: the rank has begun, and if they are more than before
 * it has made progress. */
void lease_progress(struct lease_book *book, uint32_t number, uint64_t bytes, double now);

/* Whether it runs so few that each has most of the link. */
bool lease_few(const struct holder *holder);

/* The rank has received so many bytes in all. */
void lease_received(struct lease_book *book, int rank, uint64_t received, double now);

/* Take the duration of a complete transfer into the estimates of lease_guess. */
void lease_learn(struct lease_book *book, uint32_t number, uint64_t bytes, double now);

/* Estimate of the seconds that the rank takes for so many bytes; 0: not known yet. */
double lease_guess(const struct lease_book *book, int rank, uint64_t bytes);

uint32_t lease_held(const struct lease_book *book, int rank); /* how many in all */

#endif
