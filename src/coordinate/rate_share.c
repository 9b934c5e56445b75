#include "coordinate/rate_share.h"

#include <stdlib.h>

#include "io/clock.h"
#include "ranks/mail.h"

static const double ALLOWANCE_EVERY = 1; /* seconds */

static int tell(struct rate_share *a, int rank, unsigned sharers, struct err *err)
{
    uint64_t rate = a->run->opt.limit_rate / (sharers ? sharers : 1);
    struct msg msg = { .kind = MSG_RATE, .bytes = rate ? rate : 1 };

    if (a->told[rank] == msg.bytes)
        return 0;
    a->told[rank] = msg.bytes;
    return mail_send(&a->run->ranks, rank, &msg, err);
}

int rate_share_begin(struct rate_share *a, struct run *run, const unsigned *slots,
                     struct err *err)
{
    *a = (struct rate_share){ .run = run, .slots = slots };
    if (run->opt.limit_rate == 0)
        return 0;
    a->told = calloc((size_t)run->ranks.size, sizeof(*a->told));
    return a->told ? 0 : err_memory(err, "the shares of the rate limit");
}

/* Before the first grant nobody holds anything: whoever has slots will. */
static bool takes_part(const struct rate_share *a, const struct sched *sched, int rank)
{
    return a->looked > 0 ? sched_held(sched, rank) > 0 : a->slots[rank] > 0;
}

int rate_share_share(struct rate_share *a, const struct sched *sched, struct err *err)
{
    double now = clock_now();
    unsigned sharers = 0;

    if (a->run->opt.limit_rate == 0 ||
        (a->looked > 0 && now < a->looked + ALLOWANCE_EVERY))
        return 0;
    for (int i = 0; i < a->run->ranks.size; i++)
        sharers += takes_part(a, sched, i);
    for (int i = 0; i < a->run->ranks.size; i++)
        if (takes_part(a, sched, i) && tell(a, i, sharers, err) < 0)
            return -1;
    a->looked = now;
    return 0;
}

void rate_share_release(struct rate_share *a)
{
    free(a->told);
    a->told = NULL;
}
