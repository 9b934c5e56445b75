#include "core/sched/egress.h"

#include <math.h>
#include <stdlib.h>

static const double first_pause = 30, longest_pause = 300; /* seconds */

int egress_init(struct egress *egress, const unsigned *slots, int nranks, struct err *err)
{
    *egress = (struct egress){ .nranks = nranks, .due = INFINITY };
    egress->rank = calloc((size_t)nranks, sizeof(*egress->rank));
    if (!egress->rank)
        return err_memory(err, "the list of ranks");
    for (int i = 0; i < nranks; i++)
        egress->working += slots[i] > 0;
    return 0;
}

void egress_release(struct egress *egress)
{
    free(egress->rank);
    *egress = (struct egress){ 0 };
}

static void enter(struct egress *egress, int rank, enum egress_state state)
{
    struct egress_rank *one = &egress->rank[rank];

    egress->shut += (state == EGRESS_SHUT) - (one->state == EGRESS_SHUT);
    one->state = state;
}

void egress_open(struct egress *egress, int rank)
{
    if (egress->rank[rank].state == EGRESS_UNKNOWN)
        enter(egress, rank, EGRESS_OPEN);
}

/* No reply, for a reason that may concern this node only. */
static bool is_of_the_rank(const struct outcome *outcome)
{
    if (outcome->status != 0)
        return false;
    switch ((enum net_fault)outcome->fault) {
    case NET_RESOLVE:
    case NET_CONNECT:
    case NET_TLS:
    case NET_CERT:
        return true;
    default:
        return false;
    }
}

bool egress_shut(struct egress *egress, int rank, const struct outcome *outcome,
                 double now)
{
    struct egress_rank *one = &egress->rank[rank];

    if (egress->off || one->state == EGRESS_OPEN || !is_of_the_rank(outcome))
        return false;
    if (one->state == EGRESS_UNKNOWN) {
        one->again = now + fmin(first_pause * exp2(one->times++), longest_pause);
        enter(egress, rank, EGRESS_SHUT);
    }
    egress->due = fmin(egress->due, one->again);
    if (egress->shut < egress->working)
        return true;
    egress->off = true;
    egress->due = now;
    return false;
}

int egress_next(struct egress *egress, double now)
{
    if (now < egress->due)
        return -1;
    egress->due = INFINITY;
    for (int i = 0; i < egress->nranks; i++) {
        const struct egress_rank *one = &egress->rank[i];

        if (one->state != EGRESS_SHUT)
            continue;
        if (egress->off || one->again <= now) {
            enter(egress, i, EGRESS_UNKNOWN);
            egress->due = now; /* there may be another */
            return i;
        }
        egress->due = fmin(egress->due, one->again);
    }
    return -1;
}
