#include "coordinate/rate_share.h"

#include <stdlib.h>

#include "io/clock.h"
#include "ranks/mail.h"

static const double RATE_SHARE_EVERY = 1; /* seconds */

static int tell_rank(struct rate_share *share, int rank, unsigned sharers,
                     struct err *err)
{
    uint64_t rate = share->run->opt.limit_rate / (sharers ? sharers : 1);
    struct msg msg = { .kind = MSG_RATE, .rate = rate ? rate : 1 };

    if (share->told[rank] == msg.rate)
        return 0;
    share->told[rank] = msg.rate;
    return mail_send(&share->run->ranks, rank, &msg, err);
}

int rate_share_begin(struct rate_share *share, struct run *run, const unsigned *slots,
                     struct err *err)
{
    *share = (struct rate_share){ .run = run, .slots = slots };
    if (run->opt.limit_rate == 0)
        return 0;
    share->told = calloc((size_t)run->ranks.size, sizeof(*share->told));
    return share->told ? 0 : err_memory(err, "the shares of the rate limit");
}

/* Before the first grant no rank holds anything: all ranks with slots take part. */
static bool takes_part(const struct rate_share *share, const struct sched *sched,
                       int rank)
{
    return share->looked > 0 ? sched_held(sched, rank) > 0 : share->slots[rank] > 0;
}

int rate_share_tell(struct rate_share *share, const struct sched *sched, struct err *err)
{
    double now = clock_now();
    unsigned sharers = 0;

    if (share->run->opt.limit_rate == 0 ||
        (share->looked > 0 && now < share->looked + RATE_SHARE_EVERY))
        return 0;
    for (int i = 0; i < share->run->ranks.size; i++)
        sharers += takes_part(share, sched, i);
    for (int i = 0; i < share->run->ranks.size; i++)
        if (takes_part(share, sched, i) && tell_rank(share, i, sharers, err) < 0)
            return -1;
    share->looked = now;
    return 0;
}

void rate_share_release(struct rate_share *share)
{
    free(share->told);
    share->told = NULL;
}
