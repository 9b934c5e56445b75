#include "fetch/doubts.h"

#include <stdlib.h>
#include <string.h>

#include "core/state/sums.h"
#include "fetch/readback.h"
#include "io/pool.h"

struct doubt {
    struct doubt *next;
    struct job job;
    struct doubts *all;
    uint32_t segment, segments;
    void *sums;    /* of each */
    bool *differs; /* each */
};

static int run_job(struct job *job)
{
    struct doubt *doubt = job->owner;

    for (uint32_t i = 0; i < doubt->segments; i++)
        if (readback_differs(doubt->all->store, doubt->all->pool, doubt->segment + i,
                             sums_at(doubt->sums, i), &doubt->differs[i], &job->err) < 0)
            return -1;
    return 0;
}

static void forget(struct doubts *doubts, struct doubt *doubt)
{
    struct doubt **at = &doubts->first;

    while (*at != doubt)
        at = &(*at)->next;
    *at = doubt->next;
    free(doubt->sums);
    free(doubt->differs);
    free(doubt);
}

static int end_job(struct job *job, struct err *err)
{
    struct doubt *doubt = job->owner;
    struct doubts *all = doubt->all;
    int rc = job->rc < 0 ? err_copy(err, &job->err)
                         : all->found(all->arg, doubt->segment, doubt->segments,
                                      doubt->differs, err);

    forget(all, doubt);
    return rc;
}

int doubts_add(struct doubts *doubts, uint32_t first, uint32_t count, const void *sums,
               struct err *err)
{
    struct doubt *doubt = calloc(1, sizeof(*doubt));

    if (!doubt)
        return err_memory(err, "a comparison");
    doubt->all = doubts;
    doubt->segment = first;
    doubt->segments = count;
    doubt->next = doubts->first;
    doubts->first = doubt;
    doubt->differs = calloc(count, sizeof(*doubt->differs));
    doubt->sums = malloc((size_t)count * SUM_BYTES);
    if (!doubt->differs || !doubt->sums) {
        forget(doubts, doubt);
        return err_memory(err, "a comparison");
    }
    memcpy(doubt->sums, sums, (size_t)count * SUM_BYTES);
    doubt->job = (struct job){ .run = run_job, .done = end_job, .owner = doubt };
    pool_submit(doubts->pool, &doubt->job, POOL_ORDINARY);
    return 0;
}

void doubts_release(struct doubts *doubts)
{
    while (doubts->first)
        forget(doubts, doubts->first);
}
