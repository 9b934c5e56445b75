/* core/sched/outlook.h -- when a rank, or one of its leases, ends.
 *
 * All transfers of a rank share its link, and not equally: as some end the others get
 * faster. So one that seems late at its pace so far ends with its rank all the same; whether
 * its connection is to blame shows once it has the link to itself. */
#ifndef CORE_SCHED_OUTLOOK_H
#define CORE_SCHED_OUTLOOK_H

#include "core/sched/ledger.h"

/* Count what each rank has still to bring. held: before that time no rank could make
 * progress. Walks all leases. */
void outlook_begin(struct ledger *ledger, double held);

/* From here on one rank has so many bytes less to bring, and another so many more. */
void outlook_move(struct ledger *ledger, int from, uint64_t less, int to, uint64_t more);

/* Bytes a second of the rank; 0: nothing is known. */
double outlook_speed(const struct ledger *ledger, int rank);

/* Seconds until the rank has brought all that it holds; and the same if it gets so many
 * bytes more. 0: nothing is known of its speed. */
double outlook_end(const struct ledger *ledger, int rank);
double outlook_with(const struct ledger *ledger, int rank, uint64_t bytes);

/* Of a running transfer: seconds until it ends at its own pace, and bytes that have
 * arrived until now, probably. */
double outlook_lease(const struct ledger *ledger, const struct lease *lease, double held,
                     uint64_t *got);

/* The same at its pace since few others share the link; 0: many do, or it is not known. */
double outlook_alone(const struct ledger *ledger, const struct lease *lease, double held);

#endif
