/* core/sched/late.h -- which leases to take back from their ranks or to fetch a second
 * time, and which rank gets them.
 *
 * A lease in LEASE_QUEUED (and not itself a copy) is to be taken back; any other is to be
 * fetched by a second rank as well. These functions only choose; the caller acts. */
#ifndef CORE_SCHED_LATE_H
#define CORE_SCHED_LATE_H

#include "core/sched/ledger.h"

enum { LATE_MOST = 64 }; /* choices of one look */

struct late_choice {
    uint32_t lease;
    int rank;    /* who gets the segment instead, or as well */
    double late; /* seconds until the lease would end */
};

/* A lease without progress for `stall` seconds after the time `held` (no rank could make
 * progress before), for which another rank has credit. Constant time, except for stalled
 * leases that no rank can take. */
bool late_stalled(const struct ledger *ledger, double stall, double held,
                  struct late_choice *choice);

/* For ranks that are out of work: leases that others have not begun, or else those that
 * end last, if another rank would finish them sooner; the latter only if copies are
 * allowed, and not of files with PLAN_COUNTED. held as above. Walks all leases. */
uint32_t late_choose(const struct ledger *ledger, bool copies, double held,
                     struct late_choice choice[LATE_MOST]);

bool late_takes_back(const struct lease *lease);

#endif
