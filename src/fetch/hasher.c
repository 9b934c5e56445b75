#include "fetch/hasher.h"

#include <stdlib.h>
#include <string.h>

#include "fetch/readback.h"
#include "io/clock.h"
#include "ranks/mail.h"
#include "ranks/nodes.h"
#include "report/trace.h"

struct hash_run {
    struct hash_run *next;
    struct job job;
    struct hasher *hasher;
    int asker; /* a rank */
    uint32_t segment, count;
    struct midstate state;
    bool last; /* the run ends with the file */
    uint8_t sha256[32];
};

static int run_job(struct job *job)
{
    struct hash_run *run = job->owner;
    struct hasher *hasher = run->hasher;

    if (nodes_prove(hasher->run, hasher->run->segments.file[run->segment]))
        return readback_segments(hasher->store, hasher->pool, run->segment, run->count,
                                 &run->state, run->last ? run->sha256 : NULL, &job->err);
    return ahead_finish(hasher->ahead, hasher->store, run->segment, run->count,
                        &run->state, run->last ? run->sha256 : NULL, &job->err);
}

static void forget(struct hasher *hasher, struct hash_run *run)
{
    struct hash_run **at = &hasher->first;

    while (*at != run)
        at = &(*at)->next;
    *at = run->next;
    free(run);
}

/* Report to whoever has asked, and drop what need not be kept. */
static int end_job(struct job *job, struct err *err)
{
    struct hash_run *run = job->owner;
    struct hasher *hasher = run->hasher;
    struct msg msg = { .kind = MSG_HASHED,
                       .segment = run->segment,
                       .segments = run->count,
                       .whole = run->last,
                       .midstate = run->state };
    int rc = job->rc;

    memcpy(msg.sha256, run->sha256, sizeof(msg.sha256));
    if (rc < 0)
        *err = job->err;
    for (uint32_t i = 0; i < run->count && rc == 0; i++) {
        store_hashed(hasher->store, run->segment + i);
        hasher->run->stats.value[STAT_HASHED] +=
            segment_bytes(&hasher->run->segments, run->segment + i);
    }
    if (rc == 0) {
        trace_span(hasher->run->trace, TRACE_HASH, (unsigned)job->thread, run->segment,
                   run->count, job->started, job->ended);
        rc = mail_send(&hasher->run->ranks, run->asker, &msg, err);
        ahead_more(hasher->ahead, hasher->run->segments.file[run->segment]);
    }
    forget(hasher, run);
    return rc;
}

int hasher_begin(struct hasher *hasher, int asker, const struct msg *order,
                 struct err *err)
{
    const struct segments *segments = &hasher->run->segments;
    struct hash_run *run;
    uint32_t end = order->segment + order->segments;

    if (order->segments == 0 || end > segments->count || end < order->segment)
        return err_set(err, ERR_DEFECT, "asked to hash segments %u to %u of %u",
                       (unsigned)order->segment, (unsigned)end,
                       (unsigned)segments->count);
    run = calloc(1, sizeof(*run));
    if (!run)
        return err_memory(err, "hashing");
    run->hasher = hasher;
    run->asker = asker;
    run->segment = order->segment;
    run->count = order->segments;
    run->state = order->midstate;
    run->last = end == segments->first[segments->file[order->segment] + 1];
    run->job = (struct job){ .run = run_job, .done = end_job, .owner = run };
    run->next = hasher->first;
    hasher->first = run;
    if (!nodes_prove(hasher->run, segments->file[run->segment]) &&
        ahead_has(hasher->ahead, run->segment, run->count, &run->state,
                  run->last ? run->sha256 : NULL)) {
        run->job.started = run->job.ended = clock_now();
        return end_job(&run->job, err);
    }
    pool_submit(hasher->pool, &run->job, POOL_CHAIN);
    return 0;
}

void hasher_release(struct hasher *hasher)
{
    while (hasher->first)
        forget(hasher, hasher->first);
}
