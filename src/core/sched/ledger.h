/* core/sched/ledger.h -- the state of each segment, and every step from one
 * state to another.
 *
 * The scheduler decides which rank gets what, and when; the ledger carries it out.
 * Whatever is decided and whatever ranks report, each segment is pending, leased or
 * stored, and no two ranks write to the same file range. Messages to ranks that follow
 * from a step are queued here and leave by ledger_send.
 *
 * Time         `now` is set by the owner: it must be right before each call. */
#ifndef CORE_SCHED_LEDGER_H
#define CORE_SCHED_LEDGER_H

#include "core/sched/credit.h"
#include "core/sched/lease.h"
#include "core/sched/sched_action.h"
#include "core/sched/shelves.h"

enum segment_state { SEGMENT_PENDING, SEGMENT_LEASED, SEGMENT_STORED, SEGMENT_STATES };

struct ledger {
    const struct segments *segments; /* borrowed */
    uint8_t *state;                  /* of each segment */
    uint8_t *dropped; /* of each: all of a lease that began with it was given up */
    uint32_t in[SEGMENT_STATES];
    uint64_t pending; /* bytes */
    struct credit credit;
    struct shelves shelves; /* what is pending */
    struct lease_book book;
    uint8_t *withdrawn; /* of each file: nothing more of it is granted */
    uint32_t nwithdrawn;
    bool limited; /* what comes twice takes the time of something else */
    double now;
};

int ledger_init(struct ledger *ledger, const struct queue_policy *policy,
                const struct shelf_groups *groups, struct err *err);
void ledger_release(struct ledger *ledger);

/* The oldest queued message; false: there is none. */
bool ledger_send(struct ledger *ledger, struct sched_action *action);

/* A unit for a rank that waits (shelves_take). false: there is none. */
bool ledger_grant(struct ledger *ledger, struct sched_action *action);

/* Of the lease with that number, here and below: tell the rank to stop, unless it has
 * begun; or to keep no more than so many segments of it. */
void ledger_take_back(struct ledger *ledger, uint32_t number);
void ledger_cut(struct ledger *ledger, uint32_t number, uint32_t keep);

/* The rank can take so many units more. */
void ledger_credit(struct ledger *ledger, int rank, uint32_t units);

/* While muted, the credit of the rank does not count. */
void ledger_mute(struct ledger *ledger, int rank, bool mute);

/* The first so many of its segments are stored; or: are all that it goes on with. The
 * others are pending again. */
void ledger_done(struct ledger *ledger, uint32_t number, uint32_t count);
void ledger_shortened(struct ledger *ledger, uint32_t number, uint32_t count);

/* The lease ended and brought nothing. */
void ledger_fall(struct ledger *ledger, uint32_t number, double not_before);

/* Nothing happens unless the segment is pending. */
void ledger_have(struct ledger *ledger, uint32_t segment);

/* So many neighbours from the first on, which are all stored, are pending again. */
void ledger_restart(struct ledger *ledger, uint32_t first, uint32_t count, int not_by);

/* Nothing more of the file is granted: what is pending, or comes back, counts as stored
 * until ledger_return makes the first segment pending. */
void ledger_withdraw(struct ledger *ledger, uint32_t file);
bool ledger_is_free(const struct ledger *ledger, uint32_t file); /* no lease of it */
void ledger_return(struct ledger *ledger, uint32_t file);

#endif
