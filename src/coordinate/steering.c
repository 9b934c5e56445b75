#include "coordinate/steering.h"

#include <stdlib.h>

#include "base/text.h"
#include "core/plan/connection_share.h"
#include "core/sched/meter.h"
#include "io/clock.h"
#include "ranks/mail.h"
#include "ranks/nodes.h"
#include "report/trace.h"

static struct run *run_of(const struct steering *steering)
{
    return steering->dispatch->run;
}

static void note_level(struct steering *steering, unsigned level)
{
    double now = clock_now();

    trace_span(run_of(steering)->trace, TRACE_CONNECTIONS, 0, level, 1, now, now);
}

static int open_parts(struct steering *steering, const struct governor_policy *policy,
                      struct err *err)
{
    int nranks = run_of(steering)->ranks.size;

    if (governor_init(&steering->governor, policy, nranks, err) < 0)
        return -1;
    return health_init(&steering->health, nranks, CONNECTION_SHARE_MOST, steering->node,
                       meter_period(nranks), err);
}

int steering_init(struct steering *steering, struct dispatch *dispatch,
                  const struct egress *egress, const unsigned *slots, uint64_t to_fetch,
                  struct err *err)
{
    struct run *run = dispatch->run;
    size_t n = (size_t)run->ranks.size;
    struct governor_policy policy = { .pinned = run->opt.pinned || run->mode != RUN_FETCH,
                                      .capped = run->opt.limit_rate > 0 };

    *steering = (struct steering){ dispatch, egress, .to_fetch = to_fetch };
    steering->rank = calloc(n, sizeof(*steering->rank));
    steering->node = calloc(n, sizeof(*steering->node));
    if (!steering->rank || !steering->node)
        return err_memory(err, "the connections of all ranks");
    for (size_t i = 0; i < n; i++) {
        struct steering_rank *rank = &steering->rank[i];

        steering->node[i] = comm_node(run->ranks.comm, (int)i);
        rank->told = slots[i];
        rank->most =
            connection_share_most(slots[i], run->opt.max_connections, run->opt.pinned);
        policy.start += slots[i];
        policy.most += rank->most;
        policy.least +=
            slots[i] > 0; /* else some rank would sit on what it was granted */
    }
    if (policy.most > run->opt.max_connections)
        policy.most = run->opt.max_connections;
    note_level(steering, policy.start);
    return open_parts(steering, &policy, err);
}

void steering_release(struct steering *steering)
{
    governor_release(&steering->governor);
    health_release(&steering->health);
    free(steering->rank);
    free(steering->node);
    steering->rank = NULL;
    steering->node = NULL;
}

void steering_hear(struct steering *steering, int from, const struct msg *msg, double now)
{
    struct steering_rank *rank = &steering->rank[from];

    rank->resting = 0;
    for (uint32_t i = 0; i < msg->nitems; i++) {
        const struct msg_item *item = &msg->item[i];
        const struct health_word word = { item->segment, item->source, (double)item->rate,
                                          item->seconds,
                                          (item->flags & MSG_ITEM_OURS) != 0 };

        rank->resting += (item->flags & MSG_ITEM_RESTS) != 0;
        if (item->seconds > 0)
            health_hear(&steering->health, from, &word, now);
    }
    rank->running = msg->running > rank->resting ? msg->running - rank->resting : 0;
    rank->waiting = msg->waiting;
    rank->fetched = msg->fetched;
    governor_hear(&steering->governor, from, msg->received, now);
}

void steering_refused(struct steering *steering)
{
    governor_refused(&steering->governor);
}

static int send_level(struct steering *steering, const struct governor_change *change,
                      struct err *err)
{
    const struct run *run = run_of(steering);
    int n = run->ranks.size, rc = 0;
    unsigned *most = calloc(2 * (size_t)n, sizeof(*most)), *out = most ? most + n : NULL;

    if (!most)
        return err_memory(err, "the shares of the connections");
    /* One that cannot reach the source leaves its share to others until it can. */
    for (int i = 0; i < n; i++)
        most[i] =
            steering->egress->rank[i].state == EGRESS_SHUT && steering->rank[i].most > 0
                ? 1
                : steering->rank[i].most;
    steering->shut = steering->egress->shut;
    connection_share_slots(steering->node, most, n, change->to, out);
    sched_slots(steering->dispatch->sched, change->to);
    for (int i = 0; i < n && rc == 0; i++) {
        struct msg msg = { .kind = MSG_CONNECTIONS,
                           .units = out[i],
                           .at_once = change->at_once };

        if (out[i] == steering->rank[i].told)
            continue;
        steering->rank[i].told = out[i];
        rc = mail_send(&steering->dispatch->run->ranks, i, &msg, err);
    }
    free(most);
    return rc;
}

static struct governor_work work_of(const struct steering *steering)
{
    const struct sched *sched = steering->dispatch->sched;
    struct governor_work work = { .left = steering->to_fetch,
                                  .hungry = sched_pending(sched) > 0 };

    for (int i = 0; i < run_of(steering)->ranks.size; i++) {
        const struct steering_rank *rank = &steering->rank[i];

        work.running += rank->running;
        work.held += rank->waiting;
        work.hungry |= rank->resting > 0;
        work.left -= rank->fetched < work.left ? rank->fetched : work.left;
    }
    return work;
}

static int govern(struct steering *steering, double now, struct err *err)
{
    const struct governor_work work = work_of(steering);
    struct governor_change change = { .to = steering->governor.level };
    char rate[32];

    if (steering->egress->shut != steering->shut &&
        send_level(steering, &change, err) < 0)
        return -1;
    if (!governor_step(&steering->governor, &work, now, &change))
        return 0;
    note_level(steering, change.to);
    log_line(&run_of(steering)->ranks.log, LOG_INFO,
             "connections of the job: %u instead of %u%s: %s (%s/s)", change.to,
             change.from, change.at_once ? " at once" : "",
             governor_reason(change.reason),
             text_bytes(rate, sizeof(rate),
                        (uint64_t)goodput_recent(&steering->governor.goodput)));
    return send_level(steering, &change, err);
}

static int renew(struct steering *steering, double now, struct err *err)
{
    struct health_choice choice;

    while (health_next(&steering->health, now, &choice)) {
        struct msg msg = { .kind = MSG_RENEW, .segment = choice.segment };
        char rate[32], good[32];

        log_line(
            &run_of(steering)->ranks.log, LOG_INFO,
            "rank %d: segment %u: %s/s, where others of its host get %s/s: on with a "
            "new connection",
            choice.rank, (unsigned)choice.segment,
            text_bytes(rate, sizeof(rate), (uint64_t)choice.rate),
            text_bytes(good, sizeof(good), (uint64_t)choice.good));
        if (mail_send(&steering->dispatch->run->ranks, choice.rank, &msg, err) < 0)
            return -1;
    }
    return 0;
}

int steering_check(const struct steering *steering, struct err *err)
{
    const struct dispatch *dispatch = steering->dispatch;
    const struct run *run = dispatch->run;

    if (sched_pending(dispatch->sched) + sched_leased(dispatch->sched) == 0)
        return 0;
    for (int i = 0; i < run->ranks.size; i++)
        if (!run->nodes.failed[nodes_of(&run->ranks, i)] && steering->rank[i].most > 0)
            return 0;
    return err_set(err, ERR_NETWORK,
                   "all connections that --max-connections allows were those of nodes "
                   "that have failed: run the same command again, or with more of them");
}

int steering_step(struct steering *steering, struct err *err)
{
    double now = clock_now();

    if (run_of(steering)->mode != RUN_FETCH)
        return 0;
    if (govern(steering, now, err) < 0)
        return -1;
    if (run_of(steering)->opt.limit_rate > 0 || !governor_is_calm(&steering->governor))
        return 0;
    return renew(steering, now, err);
}
