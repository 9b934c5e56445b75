#include "coordinate/coordinator.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "coordinate/digests.h"
#include "coordinate/dispatch.h"
#include "coordinate/nearby.h"
#include "coordinate/rate_share.h"
#include "coordinate/recovery.h"
#include "coordinate/spreading.h"
#include "coordinate/steering.h"
#include "coordinate/workload.h"
#include "coordinate/yielding.h"
#include "core/sched/egress.h"
#include "io/clock.h"
#include "ranks/nodes.h"
#include "report/progress.h"
#include "resume/claim.h"
#include "resume/resume.h"

enum { BATCH_BYTES = 8 << 20 }; /* of small files in one grant */

static const double STALL = 15; /* seconds without progress before a rank is to stop */

struct rank_view {
    uint64_t bytes; /* fetched, as last reported */
    bool busy;
};

struct coordinator {
    struct run *run;
    struct sched *sched;
    struct relay *relay;
    struct locator *locator;
    struct existing_file *existing;
    struct dispatch dispatch;
    struct egress egress;
    struct recovery recovery;
    struct spreading spreading; /* if each node has a disk of its own, ... */
    bool spreads;               /* ... and there are several */
    struct rank_view *ranks;
    struct digests digests;
    struct workload workload;
    double last_landed;
    struct rate_share rate_share;
    struct steering steering;
    struct yielding yielding;
    struct progress progress;
    bool stopped;
};

/* A rank may be the first to notice that the staging is gone. */
static void stop_everyone(struct coordinator *c, int rank, struct err why)
{
    struct msg msg = { .kind = MSG_STOP, .rank = rank, .text = why.text };

    if (c->stopped)
        return;
    claim_explain(c->run, &why);
    msg.code = (int32_t)why.code;
    msg.reason = (int32_t)why.reason;
    c->stopped = true;
    progress_end(&c->progress);
    dispatch_all(&c->dispatch, &msg);
}

/* Neighbours of one file. */
static bool are_segments(const struct coordinator *c, uint32_t first, uint32_t count)
{
    const struct segments *segments = &c->run->segments;

    return first < segments->count && count > 0 &&
           count <= segments->first[segments->file[first] + 1] - first;
}

static int stored(struct coordinator *c, int rank, const struct msg_item *item,
                  struct err *err)
{
    uint32_t file = c->run->segments.file[item->segment];

    c->last_landed = clock_now();
    recovery_stored(&c->recovery, item->segment, item->segments);
    locator_good(c->locator, file);
    if (c->spreads && !(item->flags & MSG_ITEM_BAD)) {
        spreading_landed(&c->spreading, rank, item->segment, item->segments);
        if (nodes_prove(c->run, file))
            return 0;
    }
    if (segments_of(&c->run->segments, file) > 1) {
        for (uint32_t i = 0; i < item->segments; i++)
            relay_stored(c->relay, item->segment + i, rank);
        return 0;
    }
    return digests_hear(&c->digests, file, item->sha256,
                        (item->flags & MSG_ITEM_BAD) != 0, rank, err);
}

static int hear_landed(struct coordinator *c, int from, const struct msg *msg,
                       struct err *err)
{
    double now = clock_now();

    for (uint32_t i = 0; i < msg->nitems; i++) {
        const struct msg_item *item = &msg->item[i];

        if (!are_segments(c, item->segment, item->segments))
            return err_set(err, ERR_DEFECT,
                           "rank %d reported segment %u, which does not exist", from,
                           (unsigned)item->segment);
        if (sched_done(c->sched, from, item->segment, item->segments, now) &&
            stored(c, from, item, err) < 0)
            return -1;
    }
    return 0;
}

static void could_not_reach(struct coordinator *c, int from, bool told,
                            const struct msg *msg, double now)
{
    if (!told) /* it may have had several transfers at a time */
        log_line(
            &c->run->ranks.log, LOG_WARN,
            "rank %d on %s cannot reach the source (%s): other ranks fetch its share",
            from, comm_host(c->run->ranks.comm, from), msg->text);
    sched_mute(c->sched, from, true);
    sched_failed(c->sched, from, msg->segment, now);
}

static int hear_failed(struct coordinator *c, int from, const struct msg *msg,
                       struct err *err)
{
    double now = clock_now();
    bool told = c->egress.rank[from].state == EGRESS_SHUT;
    struct outcome outcome;

    if (msg->segment >= c->run->segments.count)
        return err_set(err, ERR_DEFECT,
                       "rank %d failed at segment %u, which does not exist", from,
                       (unsigned)msg->segment);
    if (msg->lost) {
        log_line(&c->run->ranks.log, LOG_INFO, "rank %d: %s: fetching it again", from,
                 msg->text);
        dispatch_lost(&c->dispatch, msg->segment);
        sched_lost(c->sched, from, msg->segment);
        return 0;
    }
    outcome = recovery_outcome(&c->recovery, msg);
    if (retry_asks_pause(&outcome))
        steering_refused(&c->steering);
    if (!egress_shut(&c->egress, from, &outcome, now))
        return recovery_failed(&c->recovery, from, msg, &outcome, now, err);
    could_not_reach(c, from, told, msg, now);
    return 0;
}

static void hear_progress(struct coordinator *c, int from, const struct msg *msg)
{
    double now = clock_now();

    if (msg->reached)
        egress_open(&c->egress, from);
    c->ranks[from].bytes = msg->fetched;
    c->ranks[from].busy = msg->running > 0;
    steering_hear(&c->steering, from, msg, now);
    sched_received(c->sched, from, msg->received, now);
    for (uint32_t i = 0; i < msg->nitems; i++) {
        uint32_t segment = msg->item[i].segment;
        bool waits = (msg->item[i].flags & (MSG_ITEM_RESTS | MSG_ITEM_FULL)) != 0;

        if (segment >= c->run->segments.count)
            continue;
        sched_progress(c->sched, from, segment, msg->item[i].bytes, now);
        if (c->run->opt.limit_rate > 0 || waits)
            sched_alive(c->sched, from, segment, now);
    }
}

static int hear_hashed(struct coordinator *c, int from, const struct msg *msg,
                       struct err *err)
{
    const struct digest *want;
    uint32_t file;

    if (msg->segment >= c->run->segments.count)
        return err_set(err, ERR_DEFECT, "rank %d hashed segment %u, which does not exist",
                       from, (unsigned)msg->segment);
    file = c->run->segments.file[msg->segment];
    want = &c->run->plan.files[file].want;
    if (relay_advance(c->relay, msg->segment, &msg->midstate) != RELAY_DONE)
        return 0;
    return digests_hear(&c->digests, file, msg->sha256,
                        want->kind == DIGEST_SHA256 &&
                            memcmp(want->bytes, msg->sha256, 32) != 0,
                        -1, err);
}

int coordinator_hear(struct coordinator *c, int from, const struct msg *msg,
                     struct err *err)
{
    struct err why = { 0 };

    if (c->spreads && spreading_failed(&c->spreading, from) && msg->kind != MSG_ABORT)
        return 0; /* what it had was given to others */
    if (c->spreads)
        spreading_moved(&c->spreading, msg);
    switch (msg->kind) {
    case MSG_CREDIT:
        sched_credit(c->sched, from, msg->units);
        return 0;
    case MSG_PROGRESS:
        hear_progress(c, from, msg);
        return 0;
    case MSG_LANDED:
        return hear_landed(c, from, msg, err);
    case MSG_FAILED:
        return hear_failed(c, from, msg, err);
    case MSG_CANCELLED:
        sched_cancelled(c->sched, from, msg->segment);
        return 0;
    case MSG_SHORTENED:
        sched_shortened(c->sched, from, msg->segment, msg->segments, clock_now());
        return 0;
    case MSG_HASHED:
        return hear_hashed(c, from, msg, err);
    case MSG_ABORT:
        msg_error(msg, &why);
        stop_everyone(c, from, why);
        return 0;
    default:
        break;
    }
    if (c->spreads && spreading_hears(msg->kind))
        return spreading_hear(&c->spreading, from, msg, err) < 0 ? -1
               : msg->kind == MSG_NODE_FAILED ? steering_check(&c->steering, err)
                                              : 0;
    return err_set(err, ERR_DEFECT, "rank %d sent an unexpected '%s' message", from,
                   msg_name(msg->kind));
}

static void show_progress(struct coordinator *c)
{
    uint64_t bytes = 0;
    int busy = 0;

    for (int i = 0; i < c->run->ranks.size; i++) {
        bytes += c->ranks[i].bytes;
        busy += c->ranks[i].busy;
    }
    progress_tick(&c->progress, c->digests.done + c->spreading.files_known, bytes, busy);
}

bool coordinator_has_all(const struct coordinator *c)
{
    return sched_finished(c->sched);
}

int coordinator_step(struct coordinator *c, bool *moved, struct err *err)
{
    if (c->stopped)
        return 0;
    recovery_step(&c->recovery);
    for (int rank; (rank = egress_next(&c->egress, clock_now())) >= 0;)
        sched_mute(c->sched, rank, c->spreads && spreading_failed(&c->spreading, rank));
    if (c->spreads)
        yielding_step(&c->yielding, clock_now());
    if (rate_share_tell(&c->rate_share, c->sched, err) < 0 ||
        steering_step(&c->steering, err) < 0 ||
        dispatch_located(&c->dispatch, moved, err) < 0)
        return -1;
    if (dispatch_segments(&c->dispatch, moved, err) < 0 ||
        dispatch_hashes(&c->dispatch, moved, err) < 0 ||
        (c->spreads && spreading_step(&c->spreading, moved, err) < 0))
        return -1;
    show_progress(c);
    if (!sched_finished(c->sched))
        return 0;
    if (relay_finished(c->relay) && (!c->spreads || spreading_finished(&c->spreading)))
        stop_everyone(c, 0, (struct err){ 0 });
    return c->spreads ? spreading_check(&c->spreading, err) : 0;
}

static uint32_t slots_of(const struct run *run, const unsigned *slots)
{
    uint32_t sum = 0;

    for (int i = 0; i < run->ranks.size; i++)
        sum += slots[i];
    return sum;
}

/* With --per-node on several nodes each sees to what former runs left there. */
static int open_dispatch(struct coordinator *c, struct err *err)
{
    struct run *run = c->run;

    c->spreads = run->mode == RUN_FETCH && nodes_spread(run);
    c->dispatch = (struct dispatch){ .run = run,
                                     .sched = c->sched,
                                     .relay = c->relay,
                                     .locator = c->locator,
                                     .resume = c->spreads ? NULL : run->staging.resume };
    return c->spreads ? spreading_open(&c->spreading, &c->dispatch, c->existing, err) : 0;
}

static int open_sched(struct coordinator *c, const unsigned *slots, struct err *err)
{
    struct run *run = c->run;
    struct demand_ranks ranks = { .run = run, .slots = slots };
    const struct sched_policy policy = { .slots = slots_of(run, slots),
                                         .stall = STALL,
                                         .no_cuts = run->mode == RUN_REHASH,
                                         .limited = run->opt.limit_rate > 0,
                                         .small = SEGMENT_SMALL,
                                         .batch_bytes = BATCH_BYTES,
                                         .groups = demand_groups(&ranks) };

    return sched_create(&c->sched, &run->segments, run->ranks.size, &policy, err);
}

int coordinator_create(struct coordinator **out, struct run *run, struct http *http,
                       struct existing_file *existing, const unsigned *slots,
                       struct err *err)
{
    struct coordinator *c = calloc(1, sizeof(*c));
    int rc = -1;

    *out = NULL;
    if (!c)
        return err_memory(err, "the coordinator");
    c->run = run;
    c->existing = existing;
    c->ranks = calloc((size_t)run->ranks.size, sizeof(*c->ranks));
    if (!c->ranks) {
        err_memory(err, "the coordinator");
        goto out;
    }
    if (open_sched(c, slots, err) < 0 ||
        relay_create(&c->relay, &run->segments, err) < 0 ||
        locator_create(&c->locator, run, http, err) < 0)
        goto out;
    if (open_dispatch(c, err) < 0)
        goto out;
    if (recovery_init(&c->recovery, &c->dispatch, c->spreads ? &c->spreading : NULL,
                      err) < 0 ||
        digests_init(&c->digests, &c->dispatch, &c->recovery,
                     c->spreads ? &c->spreading : NULL, existing, err) < 0 ||
        egress_init(&c->egress, slots, run->ranks.size, err) < 0 ||
        workload_take(&c->workload, &c->digests, err) < 0 ||
        rate_share_begin(&c->rate_share, run, slots, err) < 0)
        goto out;
    if (steering_init(&c->steering, &c->dispatch, &c->egress, slots, c->workload.bytes,
                      err) < 0 ||
        (c->spreads &&
         yielding_open(&c->yielding, &c->steering, c->spreading.spread, err) < 0))
        goto out;
    progress_begin(&c->progress, run, c->spreads ? run->plan.nfiles : c->workload.files,
                   c->workload.bytes);
    c->last_landed = clock_now();
    *out = c;
    c = NULL;
    rc = 0;
out:
    coordinator_destroy(c);
    return rc;
}

void coordinator_destroy(struct coordinator *c)
{
    if (!c)
        return;
    progress_end(&c->progress);
    dispatch_release(&c->dispatch);
    rate_share_release(&c->rate_share);
    steering_release(&c->steering);
    egress_release(&c->egress);
    digests_release(&c->digests);
    recovery_release(&c->recovery);
    yielding_release(&c->yielding);
    spreading_release(&c->spreading);
    locator_destroy(c->locator);
    relay_destroy(c->relay);
    sched_destroy(c->sched);
    free(c->ranks);
    free(c);
}

double coordinator_complete(const struct coordinator *c, int node)
{
    return c->spreading.copies.complete[node];
}

void coordinator_figures(const struct coordinator *c, struct coordinator_figures *figures)
{
    *figures = (struct coordinator_figures){ c->workload.bytes - c->spreading.given_up,
                                             locator_requests(c->locator), c->last_landed,
                                             c->steering.governor.figures };
}
