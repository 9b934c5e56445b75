#include "ranks/liveness.h"

#include "io/clock.h"
#include "io/guard.h"
#include "ranks/ranks.h"

int liveness_open(struct ranks *ranks, double timeout, struct err *err)
{
    return silence_init(&ranks->liveness.silence, ranks->rank, ranks->size, timeout,
                        clock_now(), err);
}

void liveness_close(struct ranks *ranks)
{
    silence_release(&ranks->liveness.silence);
}

/* On each node the lowest rank but 0 prints that rank 0 is lost. */
static int speaker(const struct ranks *ranks)
{
    int rank = 1;

    while (comm_node(ranks->comm, rank) != comm_node(ranks->comm, ranks->rank))
        rank++;
    return rank;
}

void liveness_describe(struct ranks *ranks)
{
    struct liveness *liveness = &ranks->liveness;

    err_clear(&liveness->loss);
    err_set_why(&liveness->loss, ERR_INTERRUPTED, REASON_RANK_LOST,
                "rank %d on %s has not responded for %.0f s, giving up%s", liveness->who,
                comm_host(ranks->comm, liveness->who), liveness->silence.timeout,
                ranks->settled     ? ""
                : liveness->stages ? "; run the same command again to resume"
                                   : "; run again");
    liveness->loss.rank = ranks->rank == 0 ? 0 : speaker(ranks);
}

void liveness_lose(struct ranks *ranks, int rank)
{
    ranks->liveness.lost = true;
    ranks->liveness.who = rank;
    liveness_describe(ranks);
}

int liveness_hear(struct ranks *ranks, const struct msg *msg, struct err *err)
{
    struct liveness *liveness = &ranks->liveness;

    liveness->lost = true;
    /* A rank that is past that step knows the outcome itself, and may be at the next
     * source. */
    if (msg->code == ERR_NONE && msg->step == ranks->agree.step) {
        ranks->settled = true;
        guard_settle(NULL);
    }
    err_clear(&liveness->loss);
    err_set_why(&liveness->loss, ERR_INTERRUPTED, REASON_RANK_LOST, "%s", msg->text);
    return err_copy(err, &liveness->loss);
}
