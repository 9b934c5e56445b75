/* core/sched/late.h -- which leases to take back from their ranks, or to copy, and for whom.
 *
 * A lease in LEASE_QUEUED (and not itself a copy) is to be taken back; any other is to be
 * fetched a second time. The choice changes nothing: the caller acts on it. */
#ifndef CORE_SCHED_LATE_H
#define CORE_SCHED_LATE_H

#include "core/sched/ledger.h"

enum { LATE_MOST = 64 }; /* choices of one look */

struct late_choice {
    uint32_t lease;
    int rank;    /* who gets the segment instead, or as well */
    double late; /* seconds until the lease would end */
};

/* A lease without progress for `stall` seconds after the time `held` (before that nobody
 * could get on), for which another rank has credit. Constant time, but for leases that
 * have stalled and cannot be helped. */
bool late_stalled(const struct ledger *ledger, double stall, double held,
                  struct late_choice *choice);

/* For ranks that have run out of work: leases that others have not begun, or else those
 * that end last, if another rank would be done with them sooner; the latter only if asked
 * for copies, and not of files with PLAN_COUNTED. held as above. Walks all leases. */
uint32_t late_choose(const struct ledger *ledger, bool copies, double held,
                     struct late_choice choice[LATE_MOST]);

bool late_takes_back(const struct lease *lease);

#endif
