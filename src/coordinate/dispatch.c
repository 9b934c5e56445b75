#include "coordinate/dispatch.h"

#include <stdlib.h>

#include "coordinate/nearby.h"
#include "io/clock.h"
#include "ranks/mail.h"
#include "resume/resume.h"

/* Bytes hashed in one job, unless that is less than a segment: a long chain would block a
 * rank. */
enum { HASH_RUN = 32 << 20 };

/* A grant that waits until the signed URL of its file is known. */
struct parked {
    struct parked *next;
    int rank;
    uint32_t segment, count;
    bool unit; /* the last one of a unit */
};

static bool is_held(const struct dispatch *d, uint32_t segment)
{
    struct msg_item item = { 0 };

    return resume_held(d->resume, segment, &item);
}

static bool is_nearby(const struct dispatch *d, uint32_t segment)
{
    return nearby_has(d->run, d->run->segments.file[segment]);
}

void dispatch_lost(struct dispatch *dispatch, uint32_t segment)
{
    if (is_held(dispatch, segment))
        resume_forget(dispatch->resume, segment);
    else
        nearby_drop(dispatch->run, dispatch->run->segments.file[segment]);
}

static bool must_locate(const struct dispatch *d, uint32_t segment)
{
    const struct run *run = d->run;

    return run->mode != RUN_REHASH && !is_nearby(d, segment) &&
           (run->plan.files[run->segments.file[segment]].flags & PLAN_LOCATE);
}

static bool is_whole(const struct dispatch *d, uint32_t segment)
{
    const struct run *run = d->run;

    return run->plan.files[run->segments.file[segment]].flags & PLAN_WHOLE;
}

static struct msg_item item_of(const struct dispatch *d, const struct parked *grant)
{
    uint32_t whole = is_whole(d, grant->segment) ? MSG_ITEM_WHOLE : 0;
    uint32_t nearby = is_nearby(d, grant->segment) ? MSG_ITEM_NEARBY : 0;

    return (struct msg_item){ .segment = grant->segment,
                              .segments = grant->count,
                              .flags =
                                  (grant->unit ? MSG_ITEM_UNIT : 0u) | whole | nearby };
}

static int send_signed_url(struct dispatch *d, int rank, uint32_t file, const char *url,
                           uint32_t generation, struct err *err)
{
    struct msg msg = {
        .kind = MSG_SIGNED_URL, .file = file, .generation = generation, .url = url
    };

    return mail_send(&d->run->ranks, rank, &msg, err);
}

static int send_one(struct dispatch *d, const struct parked *grant, struct err *err)
{
    struct msg msg = { .kind = MSG_GRANT, .nitems = 1 };

    msg.item[0] = item_of(d, grant);
    return mail_send(&d->run->ranks, grant->rank, &msg, err);
}

/* Send a grant whose file has no signed URL yet as soon as it has one. */
static int grant_located(struct dispatch *d, struct parked grant, struct err *err)
{
    uint32_t file = d->run->segments.file[grant.segment], generation;
    const char *url = locator_url(d->locator, file, &generation);
    struct parked *parked;

    if (url) {
        if (send_signed_url(d, grant.rank, file, url, generation, err) < 0)
            return -1;
        return send_one(d, &grant, err);
    }
    parked = malloc(sizeof(*parked));
    if (!parked)
        return err_memory(err, "a grant");
    *parked = grant;
    parked->next = d->parked;
    d->parked = parked;
    return locator_ask(d->locator, file, err);
}

static int unpark(struct dispatch *d, uint32_t file, struct err *err)
{
    uint32_t generation;

    if (!locator_url(d->locator, file, &generation))
        return 0;
    for (struct parked **at = &d->parked; *at;) {
        struct parked *parked = *at;
        int rc;

        if (d->run->segments.file[parked->segment] != file) {
            at = &parked->next;
            continue;
        }
        *at = parked->next;
        rc = grant_located(d, *parked, err);
        free(parked);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* A grant that was not sent yet is cancelled here. */
static bool cancel_parked(struct dispatch *d, int rank, uint32_t segment)
{
    for (struct parked **at = &d->parked; *at; at = &(*at)->next) {
        struct parked *parked = *at;

        if (parked->rank != rank || parked->segment != segment)
            continue;
        *at = parked->next;
        if (parked->unit)
            sched_credit(d->sched, rank, 1);
        free(parked);
        sched_cancelled(d->sched, rank, segment);
        return true;
    }
    return false;
}

static int grant(struct dispatch *d, const struct sched_action *action, struct err *err)
{
    struct msg msg = { .kind = MSG_GRANT };

    for (uint32_t i = 0; i < action->count; i++) {
        struct parked one = { .rank = action->rank,
                              .segment = action->segment[i],
                              .count = action->together,
                              .unit = i == action->count - 1 };

        if (!is_held(d, one.segment) && must_locate(d, one.segment)) {
            if (grant_located(d, one, err) < 0)
                return -1;
            continue;
        }
        msg.item[msg.nitems] = item_of(d, &one);
        resume_held(d->resume, one.segment, &msg.item[msg.nitems++]);
    }
    return msg.nitems ? mail_send(&d->run->ranks, action->rank, &msg, err) : 0;
}

static int stop(struct dispatch *d, const struct sched_action *action, struct err *err)
{
    bool cut = action->kind == SCHED_CUT;
    struct msg msg = { .kind = cut ? MSG_CUT : MSG_TAKE_BACK,
                       .segment = action->segment[0],
                       .segments = action->together };

    if (cancel_parked(d, action->rank, msg.segment))
        return 0;
    if (cut)
        log_line(&d->run->ranks.log, LOG_DEBUG,
                 "rank %d is to stop after %u segments from %u on", action->rank,
                 (unsigned)msg.segments, (unsigned)msg.segment);
    return mail_send(&d->run->ranks, action->rank, &msg, err);
}

static int act(struct dispatch *d, const struct sched_action *action, struct err *err)
{
    return action->kind == SCHED_GRANT ? grant(d, action, err) : stop(d, action, err);
}

int dispatch_segments(struct dispatch *d, bool *moved, struct err *err)
{
    struct sched_action action;

    while (sched_next(d->sched, clock_now(), &action)) {
        *moved = true;
        if (act(d, &action, err) < 0)
            return -1;
    }
    return 0;
}

int dispatch_hashes(struct dispatch *d, bool *moved, struct err *err)
{
    uint64_t most = HASH_RUN / d->run->segments.size;
    struct relay_job job;

    while (relay_next(d->relay, most > 0 ? (uint32_t)most : 1, &job)) {
        struct msg msg = { .kind = MSG_HASH,
                           .segment = job.segment,
                           .segments = job.count,
                           .midstate = job.from };

        *moved = true;
        if (mail_send(&d->run->ranks, job.rank, &msg, err) < 0)
            return -1;
    }
    return 0;
}

int dispatch_located(struct dispatch *d, bool *moved, struct err *err)
{
    uint32_t file;
    int rc;

    while (locator_next(d->locator, &file, &rc, err)) {
        *moved = true;
        if (rc < 0 || unpark(d, file, err) < 0)
            return -1;
    }
    return 0;
}

void dispatch_all(struct dispatch *d, const struct msg *msg)
{
    for (int to = 0; to < d->run->ranks.size; to++)
        mail_send(&d->run->ranks, to, msg, NULL);
}

void dispatch_release(struct dispatch *d)
{
    while (d->parked) {
        struct parked *parked = d->parked;

        d->parked = parked->next;
        free(parked);
    }
}
