#include "phase/allowance.h"

#include <stdlib.h>

#include "io/clock.h"

static const double ALLOWANCE_EVERY = 1; /* seconds */

static int tell(struct allowance *a, int rank, unsigned sharers, struct err *err)
{
    uint64_t rate = a->run->opt.limit_rate / (sharers ? sharers : 1);
    struct msg msg = { .kind = MSG_RATE, .bytes = rate ? rate : 1 };

    if (a->told[rank] == msg.bytes)
        return 0;
    a->told[rank] = msg.bytes;
    return agree_send(a->run, rank, &msg, err);
}

int allowance_begin(struct allowance *a, struct run *run, const unsigned *slots,
                    struct err *err)
{
    unsigned sharers = 0;

    *a = (struct allowance){ .run = run, .looked = clock_now() };
    if (run->opt.limit_rate == 0)
        return 0;
    a->told = calloc((size_t)run->size, sizeof(*a->told));
    if (!a->told)
        return err_memory(err, "the shares of the rate limit");
    for (int i = 0; i < run->size; i++)
        sharers += slots[i] > 0;
    for (int i = 0; i < run->size; i++)
        if (tell(a, i, sharers, err) < 0)
            return -1;
    return 0;
}

int allowance_share(struct allowance *a, const struct sched *sched, struct err *err)
{
    double now = clock_now();
    unsigned sharers = 0;

    if (a->run->opt.limit_rate == 0 || now < a->looked + ALLOWANCE_EVERY)
        return 0;
    a->looked = now;
    for (int i = 0; i < a->run->size; i++)
        sharers += sched_held(sched, i) > 0;
    for (int i = 0; i < a->run->size; i++)
        if (sched_held(sched, i) > 0 && tell(a, i, sharers, err) < 0)
            return -1;
    return 0;
}

void allowance_release(struct allowance *a)
{
    free(a->told);
    a->told = NULL;
}
