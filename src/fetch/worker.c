#include "fetch/worker.h"

#include <math.h>
#include <stdlib.h>

#include "base/url.h"
#include "coordinate/coordinator.h"
#include "fetch/batch.h"
#include "fetch/hasher.h"
#include "fetch/keeper.h"
#include "fetch/origins.h"
#include "fetch/tasks.h"
#include "fetch/transfer.h"
#include "io/clock.h"
#include "io/nap.h"
#include "ranks/mail.h"
#include "ranks/nodes.h"
#include "ranks/outcome.h"
#include "report/trace.h"
#include "resume/claim.h"

enum {
    WORKER_BURST = 1 << 20, /* most bytes of rate that pile up */
    WORKER_AHEAD = 2,       /* units asked for beyond what the slots hold */
    WORKER_THREADS = 4,     /* see enum pool_class */
    WORKER_READERS = 3      /* of files elsewhere, at a time */
};

/* Seconds in which nothing happens, after which the pauses are longest; the same where a
 * hash is handed from rank to rank, and they are shortest before. */
static const double WORKER_QUIET = 0.6, WORKER_RELAY = 0.2;

struct worker {
    struct run *run;
    struct coordinator *coordinator; /* rank 0, else NULL */
    struct http *http;
    struct pool *pool;
    struct rate rate;
    struct store store;
    struct outbox outbox;
    struct tasks tasks;
    struct syncing syncing;
    struct batches batches;
    struct hasher hasher;
    struct buffers buffers;
    struct ahead ahead;
    struct spill spill;
    struct origins origins;
    struct keeper keeper;
    bool node_failed;  /* and takes no further part */
    double hold_until; /* no request before */
    double busy_since;
    struct strbuf bytes; /* of the message being read */
    struct nap nap;      /* between turns in which nothing happened */
    bool stopped, gave_up;
    struct err stop; /* as the coordinator said */
};

static int hear_stop(struct worker *w, const struct msg *msg)
{
    w->stopped = true;
    if (msg->code != ERR_NONE) {
        msg_error(msg, &w->stop);
        w->stop.rank = msg->rank;
    }
    return 0;
}

static int hear_as_coordinator(struct worker *w, int from, const struct msg *msg,
                               struct err *err)
{
    if (w->coordinator)
        return coordinator_hear(w->coordinator, from, msg, err);
    return err_set(err, ERR_DEFECT, "received an unexpected '%s' message",
                   msg_name(msg->kind));
}

/* Nothing that its ranks have fetched counts any more. */
static void drop_node(struct worker *w)
{
    w->node_failed = true;
    keeper_fail(&w->keeper);
    tasks_drop_all(&w->tasks);
}

static int hear_grant(struct worker *w, const struct msg *msg, struct err *err)
{
    int rc = tasks_grant(&w->tasks, msg, err);

    if (w->node_failed)
        drop_node(w); /* it was on its way */
    return rc;
}

static int hear_node_failed(struct worker *w, int from, const struct msg *msg,
                            struct err *err)
{
    if (from == 0)
        drop_node(w);
    return w->coordinator ? coordinator_hear(w->coordinator, from, msg, err) : 0;
}

static int hear(struct worker *w, int from, const struct msg *msg, struct err *err)
{
    double now = clock_now();
    int rc = keeper_hear(&w->keeper, from, msg, err);

    if (rc != 0)
        return rc < 0 ? -1 : 0;
    switch (msg->kind) {
    case MSG_GRANT:
        return hear_grant(w, msg, err);
    case MSG_TAKE_BACK:
        return tasks_take_back(&w->tasks, msg->segment, err);
    case MSG_CUT:
        return tasks_cut(&w->tasks, msg->segment, msg->segments, err);
    case MSG_SIGNED_URL:
        return signed_urls_put(&w->tasks.urls, msg->file, msg->generation, msg->url, err);
    case MSG_HASH:
        return hasher_begin(&w->hasher, from, msg, err);
    case MSG_NODE_FAILED:
        return hear_node_failed(w, from, msg, err);
    case MSG_HOLD:
        if (now + msg->pause > w->hold_until)
            w->hold_until = now + msg->pause;
        return 0;
    case MSG_RATE:
        rate_set(&w->rate, (double)msg->rate, now);
        /* Each of maybe thousands of ranks may accumulate this much. */
        w->rate.burst = msg->rate < WORKER_BURST ? (double)msg->rate : WORKER_BURST;
        return 0;
    case MSG_CONNECTIONS:
        tasks_limit(&w->tasks, msg->units, msg->at_once);
        return 0;
    case MSG_RENEW:
        tasks_renew(&w->tasks, msg->segment);
        return 0;
    case MSG_STOP:
        return hear_stop(w, msg);
    default:
        break;
    }
    return hear_as_coordinator(w, from, msg, err);
}

/* Those first that came before this rank knew that it was to work. */
static int take_message(struct worker *w, struct msg *msg, int *from, struct err *err)
{
    int rc = agree_take_early(&w->run->ranks, &w->bytes, msg, from, err);

    return rc != 0 ? rc : mail_take(&w->run->ranks, &w->bytes, msg, from, err);
}

static int worker_take_orders(struct worker *w, bool *moved, struct err *err)
{
    struct msg msg;
    int from, rc = 0;

    while (!w->stopped && (rc = take_message(w, &msg, &from, err)) > 0) {
        *moved = true;
        if (hear(w, from, &msg, err) < 0)
            return -1;
    }
    return rc < 0 ? -1 : 0;
}

/* As far as this rank knows: it has nothing to fetch any more, or no room for more before
 * what it has is hashed. Then one hash after the other is waited for, and each goes to rank
 * 0 and on to the next rank. */
static bool waits_for_hashes(struct worker *w)
{
    return buffers_wait_for_hash(&w->buffers) ||
           (w->coordinator ? coordinator_has_all(w->coordinator) : !w->tasks.first);
}

/* MPI has no descriptor to poll, so a rank checks for messages: at once while things
 * happen, every few milliseconds when idle, more often while others wait for its answer,
 * and most often if each answer lets the next rank begin. */
static double patience(struct worker *w, bool moved)
{
    double length;
    bool relayed;

    if (moved)
        return 0;
    relayed = w->nap.taken < WORKER_RELAY && waits_for_hashes(w);
    w->nap.longest = w->nap.taken > WORKER_QUIET ? 0.01 : 0.003;
    if (relayed || keeper_is_busy(&w->keeper))
        w->nap.longest = 0.0005;
    length = nap_length(&w->nap);
    return relayed && !nodes_spread(w->run) ? length : fmax(length, 0.001);
}

static void note_reply(const struct worker *w, const struct task *task,
                       const struct http_response *response)
{
    const struct run *run = w->run;
    char url[256];

    if (run->ranks.log.level < LOG_DEBUG)
        return;
    log_line(&run->ranks.log, LOG_DEBUG,
             "segment %u of '%s': %s: HTTP %d, %llu bytes, %.3f s%s%s",
             (unsigned)task->segment, plan_path(&run->plan, task->file),
             url_redact(url, sizeof(url), response->url ? response->url : ""),
             (int)response->outcome.status, (unsigned long long)response->bytes,
             response->seconds, *response->err.text ? ": " : "", response->err.text);
}

static int worker_take_replies(struct worker *w, struct err *err)
{
    struct http_response response;
    int rc = 0;

    while (rc == 0 && http_next(w->http, &response)) {
        struct task *task = response.owner;

        trace_span(w->run->trace, TRACE_FETCH, task->slot->number, task->segment,
                   task->count, task->began, clock_now());
        note_reply(w, task, &response);
        if (response.requests > 1) /* hops beyond the first, which is counted */
            w->run->stats.value[STAT_DATA_REQUESTS] += response.requests - 1;
        rc = transfer_reply(task, &response, err);
        http_response_release(&response);
        nap_wake(&w->nap);
    }
    return rc;
}

static int worker_take_jobs(struct worker *w, struct err *err)
{
    int rc;

    while ((rc = pool_reap(w->pool, err)) > 0)
        nap_wake(&w->nap);
    return rc;
}

static void count_busy(struct worker *w)
{
    double now = clock_now();
    bool busy = http_running(w->http) > 0;

    if (w->busy_since > 0)
        w->run->stats.value[STAT_BUSY] += (uint64_t)((now - w->busy_since) * 1e6);
    w->busy_since = busy ? now : 0;
}

/* Unless it is told or given something. */
static bool is_idle(const struct worker *w)
{
    return !w->tasks.first && pool_unfinished(w->pool) == 0 &&
           !keeper_is_busy(&w->keeper);
}

static int worker_turn(struct worker *w, struct err *err)
{
    bool moved = false, arrived = false;

    if (w->coordinator && coordinator_step(w->coordinator, &moved, err) < 0)
        return -1;
    if (w->run->keeper && !w->node_failed && claim_check(w->run, err) < 0)
        return -1;
    if (worker_take_orders(w, &moved, err) < 0 ||
        keeper_step(&w->keeper, &moved, err) < 0)
        return -1;
    if (clock_now() >= w->hold_until && tasks_begin(&w->tasks, &moved, err) < 0)
        return -1;
    tasks_resume(&w->tasks);
    if (http_wait(w->http, patience(w, moved), &arrived, err) < 0)
        return -1;
    if (moved || arrived)
        nap_wake(&w->nap);
    count_busy(w);
    if (worker_take_replies(w, err) < 0)
        return -1;
    batch_step(&w->batches, http_running(w->http) == 0);
    if (worker_take_jobs(w, err) < 0)
        return -1;
    if (tasks_sweep(&w->tasks, err) < 0)
        return -1;
    syncing_step(&w->syncing);
    w->outbox.idle = is_idle(w);
    return outbox_send(&w->outbox, w->tasks.first, tasks_room(&w->tasks), err);
}

/* Drop everything and report why. After that only the coordinator's messages are handled,
 * and only STOP ends the loop: all ranks leave together. */
static void worker_give_up(struct worker *w, const struct err *why)
{
    struct msg msg = { .kind = MSG_ABORT,
                       .code = (int32_t)why->code,
                       .reason = (int32_t)why->reason,
                       .rank = w->run->ranks.rank,
                       .text = why->text };
    struct err err = { 0 };

    if (w->gave_up)
        return;
    w->gave_up = true;
    pool_stop(w->pool);
    tasks_drop_all(&w->tasks);
    if (mail_send(&w->run->ranks, 0, &msg, &err) < 0)
        w->stopped = true; /* MPI itself failed: nobody would answer */
}

/* A disk that belongs to one of several nodes fails: the others go on without that node. */
static bool worker_fails_alone(struct worker *w, const struct err *why)
{
    struct msg msg = { .kind = MSG_NODE_FAILED,
                       .code = (int32_t)why->code,
                       .reason = (int32_t)why->reason,
                       .text = why->text };

    if (why->code != ERR_DEST || w->gave_up || w->run->mode != RUN_FETCH ||
        !nodes_spread(w->run))
        return false;
    /* Rank 0: this says that no node is left. */
    if (w->coordinator && outcome_failed(w->run) == nodes_count(&w->run->ranks))
        return false;
    if (w->node_failed)
        return true;
    drop_node(w);
    return mail_send(&w->run->ranks, 0, &msg, NULL) == 0;
}

/* A rank that gave up still runs the coordinator, if it has it. */
static int quiet_turn(struct worker *w, struct err *err)
{
    bool moved = false;

    clock_sleep(0.001);
    if (worker_take_orders(w, &moved, err) < 0)
        return -1;
    return w->coordinator ? coordinator_step(w->coordinator, &moved, err) : 0;
}

/* After an error transfers may still be running: staging must not be written to any
 * more. */
static void leave_nothing_running(struct worker *w)
{
    batch_step(&w->batches, true); /* what has come is kept */
    tasks_drop_all(&w->tasks);
    pool_stop(w->pool);
    while (pool_unfinished(w->pool) > 0) {
        struct err ignored = { 0 };

        clock_sleep(0.001);
        /* A rank that only sends would take its own deafness for silence
         * of the others. */
        if (w->run->ranks.liveness.lost)
            mail_speak(&w->run->ranks);
        else
            agree_listen(&w->run->ranks, &ignored);
        pool_drop(w->pool);
    }
}

int worker_run(struct worker *w, struct err *err)
{
    struct run *run = w->run;
    struct err own = { 0 };

    while (!w->stopped && !run->ranks.liveness.lost) {
        int rc = w->gave_up ? quiet_turn(w, &own) : worker_turn(w, &own);

        if (rc == 0 && !w->gave_up && run->ranks.interrupted(run->ranks.interrupted_arg))
            rc = err_set(&own, ERR_INTERRUPTED, "interrupted");
        if (rc == 0 || run->ranks.liveness.lost)
            continue;
        if (worker_fails_alone(w, &own))
            err_clear(&own);
        else
            worker_give_up(w, &own);
    }
    leave_nothing_running(w);
    if (!w->stopped)
        return err_copy(err, &run->ranks.liveness.loss);
    if (w->stop.code == ERR_NONE && !w->gave_up)
        return 0;
    *err = w->stop.code != ERR_NONE ? w->stop : own;
    return -1;
}

static void wake(void *arg)
{
    http_wake(arg);
}

int worker_create(struct worker **out, struct run *run, struct coordinator *coordinator,
                  struct http *http, struct existing_file *existing, struct err *err)
{
    struct worker *w = calloc(1, sizeof(*w));
    int rc = -1;

    *out = NULL;
    if (!w)
        return err_memory(err, "a worker");
    w->run = run;
    w->coordinator = coordinator;
    w->http = http;
    w->nap.shortest = 0.0002;
    origins_open(&w->origins);
    w->spill.ranks = (unsigned)comm_node_size(
        run->ranks.comm, comm_node(run->ranks.comm, run->ranks.rank));
    rate_init(&w->rate, 0, WORKER_BURST, clock_now());
    outbox_open(&w->outbox, run, run->slots ? WORKER_AHEAD : 0);
    if (pool_create(&w->pool, WORKER_THREADS, WORKER_READERS, wake, http, err) < 0 ||
        store_open(&w->store, run, err) < 0)
        goto out;
    if (buffers_open(&w->buffers, run->slots_most, wake, w->http, err) < 0 ||
        ahead_open(&w->ahead, run, &w->buffers, w->pool, err) < 0)
        goto out;
    if (syncing_open(&w->syncing, run, &w->store, w->pool, err) < 0 ||
        tasks_open(&w->tasks,
                   &(struct task_world){ run, &w->store, w->http, w->pool, &w->rate,
                                         &w->syncing, &w->batches, NULL, &w->buffers,
                                         &w->ahead, &w->spill, &w->origins },
                   &w->outbox, err) < 0)
        goto out;
    w->hasher = (struct hasher){ run, &w->store, w->pool, &w->ahead, NULL };
    w->node_failed = run->nodes.out;
    if (keeper_open(&w->keeper, &(struct stow){ run, &w->store, &w->syncing }, w->pool,
                    existing, err) < 0)
        goto out;
    *out = w;
    w = NULL;
    rc = 0;
out:
    worker_destroy(w);
    return rc;
}

struct traffic worker_traffic(struct worker *w)
{
    return keeper_traffic(&w->keeper);
}

int worker_sync(struct worker *w, struct err *err)
{
    return syncing_end(&w->syncing, err);
}

void worker_destroy(struct worker *w)
{
    if (!w)
        return;
    /* Pool threads wake the sockets, sockets fill tasks: so in this order. */
    pool_destroy(w->pool);
    buffers_mute(&w->buffers);
    origins_release(&w->origins);
    http_clear(w->http);
    hasher_release(&w->hasher);
    keeper_close(&w->keeper);
    batches_release(&w->batches);
    tasks_release(&w->tasks);
    ahead_release(&w->ahead);
    buffers_release(&w->buffers);
    syncing_release(&w->syncing);
    store_close(&w->store);
    strbuf_release(&w->bytes);
    outbox_close(&w->outbox);
    free(w);
}
