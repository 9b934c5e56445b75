/* core/sched/late.h -- which leases to cut short, or to take back from their ranks, so that
 * another gets what they have not fetched.
 *
 * A lease in LEASE_QUEUED is to be taken back; any other is to be cut where its rank and
 * the one that takes the rest would end together. These functions only choose; the caller
 * acts. */
#ifndef CORE_SCHED_LATE_H
#define CORE_SCHED_LATE_H

#include "core/sched/ledger.h"

enum { LATE_MOST = 64 }; /* choices of one look */

struct late_choice {
    uint32_t lease;
    uint32_t keep; /* segments that it keeps, at most; of one in LEASE_QUEUED: 0 */
    int rank;      /* who is to get the others */
    double late;   /* seconds until the lease would end, at its pace so far */
    double alone;  /* the same, since few others share its link; 0: not known */
    double silent; /* seconds since it last made progress */
    uint64_t got;  /* bytes that have arrived, probably */
};

/* A lease without progress for `stall` seconds after the time `held` (no rank could make
 * progress before), for which another rank has credit. Constant time, except for stalled
 * leases that no rank can take. */
bool late_stalled(const struct ledger *ledger, double stall, double held,
                  struct late_choice *choice);

/* For ranks that are out of work: leases that others have not begun, or else those that
 * end last, if that would end them sooner; the latter only if cuts are allowed, and not of
 * files with PLAN_COUNTED. held as above. Walks all leases. */
uint32_t late_choose(struct ledger *ledger, bool cuts, double held,
                     struct late_choice choice[LATE_MOST]);

#endif
