#include "phase/worker.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/fs.h"
#include "phase/coordinator.h"
#include "phase/hasher.h"
#include "phase/place.h"
#include "phase/task.h"

enum {
    WORKER_AHEAD = 2,      /* units asked for beyond what the slots hold */
    WORKER_THREADS = 3,    /* one for sockets' writes, two to hash and copy */
    WORKER_SYNC_FILES = 64 /* more files than this: sync the file system instead */
};

static const double WORKER_REPORT = 0.5; /* seconds between two progress messages */

struct worker {
    struct run *run;
    struct coordinator *coordinator; /* rank 0, else NULL */
    struct task_world world;
    struct store store;
    struct hasher hasher;
    struct places places;
    struct task_slot *slots;
    struct task *first, **last; /* all tasks, in the order of their grants */
    uint32_t waiting;           /* of them: not begun */
    uint32_t settling;          /* of them: the disk is behind */
    uint32_t credit;            /* units to ask for with the next report */
    double hold_until;          /* no request before */
    double reported, busy_since;
    struct msg landed; /* to be sent when the turn ends */
    struct strbuf bytes;
    uint32_t
        *touched; /* files written by this rank, for the sync: first WORKER_SYNC_FILES */
    uint32_t ntouched;
    unsigned idle; /* turns in which nothing happened */
    bool stopped, gave_up;
    struct err stop; /* as the coordinator said */
};

/* ---- reports -------------------------------------------------------------------------
 */

static int send_landed(struct worker *w, struct err *err)
{
    int rc = 0;

    if (w->landed.nitems > 0)
        rc = agree_send(w->run, 0, &w->landed, err);
    w->landed.nitems = 0;
    return rc;
}

static void touch(struct worker *w, uint32_t file)
{
    for (uint32_t i = 0; i < w->ntouched && i < WORKER_SYNC_FILES; i++)
        if (w->touched[i] == file)
            return;
    if (w->ntouched < WORKER_SYNC_FILES)
        w->touched[w->ntouched] = file;
    w->ntouched++;
}

static int report_landed(struct worker *w, const struct task *task, struct err *err)
{
    struct msg_item *item = &w->landed.item[w->landed.nitems++];

    item->segment = task->segment;
    item->bytes = task->got;
    item->flags = (task->hashed ? MSG_ITEM_DIGEST : 0) | (task->bad ? MSG_ITEM_BAD : 0);
    memcpy(item->sha256, task->sha256, sizeof(item->sha256));
    if (task->state == TASK_LANDED) {
        touch(w, task->file);
        w->run->stats.value[STAT_SEGMENTS]++;
        w->run->stats.value[STAT_HASHED] += task->hashed ? task->got : 0;
    }
    return w->landed.nitems == MSG_ITEMS ? send_landed(w, err) : 0;
}

static int report_failed(struct worker *w, const struct task *task, struct err *err)
{
    struct msg msg = { .kind = MSG_FAILED,
                       .id = task->segment,
                       .count = task->generation,
                       .outcome = task->outcome,
                       .text = task->err.text };

    return agree_send(w->run, 0, &msg, err);
}

static int report_cancelled(struct worker *w, const struct task *task, struct err *err)
{
    struct msg msg = { .kind = MSG_CANCELLED, .id = task->segment };

    return agree_send(w->run, 0, &msg, err);
}

static int send_progress(struct worker *w, struct err *err)
{
    struct msg msg = { .kind = MSG_PROGRESS, .bytes = w->run->stats.value[STAT_FETCHED] };

    for (struct task *task = w->first; task; task = task->next) {
        if (task->state == TASK_FETCHING || task->state == TASK_DRAINING)
            msg.count++;
        else if (task->state != TASK_SETTLING)
            continue;
        if (msg.nitems < MSG_ITEMS)
            msg.item[msg.nitems++] =
                (struct msg_item){ .segment = task->segment, .bytes = task->got };
    }
    return agree_send(w->run, 0, &msg, err);
}

static int worker_report(struct worker *w, struct err *err)
{
    struct msg credit = { .kind = MSG_CREDIT, .count = w->credit };
    double now = clock_now();

    if (send_landed(w, err) < 0)
        return -1;
    /* While the disk is behind, asking for more would only fill scratch. */
    if (w->credit > 0 && w->settling <= 2 * w->run->slots) {
        w->credit = 0;
        if (agree_send(w->run, 0, &credit, err) < 0)
            return -1;
    }
    if (now < w->reported + WORKER_REPORT)
        return 0;
    w->reported = now;
    return send_progress(w, err);
}

/* ---- tasks ---------------------------------------------------------------------------
 */

static struct task *find(struct worker *w, uint32_t segment)
{
    for (struct task *task = w->first; task; task = task->next)
        if (task->segment == segment && !task->cancelled)
            return task;
    return NULL;
}

static int add_task(struct worker *w, uint32_t segment, bool duplicate, bool unit,
                    struct err *err)
{
    struct task *task;

    if (segment >= w->run->segments.count)
        return err_set(err, ERR_DEFECT, "granted segment %u of %u", (unsigned)segment,
                       (unsigned)w->run->segments.count);
    task = task_create(&w->world, segment, duplicate, err);
    if (!task)
        return -1;
    task->unit = unit;
    *w->last = task;
    w->last = &task->next;
    w->waiting++;
    return places_fill(&w->places, task->file, &task->url, &task->generation, err);
}

static struct task_slot *free_slot(struct worker *w)
{
    for (unsigned i = 0; i < w->run->slots; i++)
        if (!w->slots[i].taken)
            return &w->slots[i];
    return NULL;
}

static void left_queue(struct worker *w, const struct task *task)
{
    w->waiting--;
    if (task->unit)
        w->credit++;
}

/* Fill the slots. */
static int worker_begin(struct worker *w, struct err *err)
{
    struct task_slot *slot;

    if (w->waiting == 0 || w->gave_up || clock_now() < w->hold_until)
        return 0;
    for (struct task *task = w->first; task && w->waiting > 0; task = task->next) {
        if (task->state != TASK_WAITING)
            continue;
        if (!(slot = free_slot(w)))
            return 0;
        left_queue(w, task);
        if (task_begin(task, slot, err) < 0)
            return -1;
        w->idle = 0;
    }
    return 0;
}

/* What became of a task, reported; true: it can be freed. */
static int finish(struct worker *w, struct task *task, bool *over, struct err *err)
{
    *over = false;
    switch (task->state) {
    case TASK_SPARE:
        /* Said once; what is to become of it is the coordinator's word. */
        if (task->reported)
            return 0;
        task->reported = true;
        return report_landed(w, task, err);
    case TASK_LANDED:
        *over = true;
        return report_landed(w, task, err);
    case TASK_DROPPED:
        *over = task_idle(task);
        if (!*over)
            return 0;
        if (!task->small)
            store_drop(&w->store, task->segment, task->duplicate);
        return task->cancelled ? report_cancelled(w, task, err)
                               : report_failed(w, task, err);
    default:
        return 0;
    }
}

/* Report and free what is over; count who still settles. */
static int worker_sweep(struct worker *w, struct err *err)
{
    struct task **at = &w->first;

    w->settling = 0;
    while (*at) {
        struct task *task = *at;
        bool over;

        if (finish(w, task, &over, err) < 0)
            return -1;
        w->settling += task->state == TASK_SETTLING;
        if (!over) {
            at = &task->next;
            continue;
        }
        *at = task->next;
        task_destroy(task);
    }
    w->last = at;
    return 0;
}

/* ---- orders --------------------------------------------------------------------------
 */

static int hear_grant(struct worker *w, const struct msg *msg, struct err *err)
{
    for (uint32_t i = 0; i < msg->nitems; i++)
        if (add_task(w, msg->item[i].segment, false,
                     (msg->item[i].flags & MSG_ITEM_UNIT) != 0, err) < 0)
            return -1;
    return 0;
}

static int hear_cancel(struct worker *w, uint32_t segment)
{
    struct task *task = find(w, segment);

    if (!task)
        return 0; /* reported already: the two messages crossed */
    if (task->state == TASK_WAITING)
        left_queue(w, task);
    task_cancel(task);
    return 0;
}

static int hear_adopt(struct worker *w, uint32_t segment, struct err *err)
{
    struct task *task = find(w, segment);

    if (!task || task->state != TASK_SPARE)
        return err_set(err, ERR_DEFECT, "told to adopt segment %u, which is not here",
                       (unsigned)segment);
    task_settle(task);
    return 0;
}

static int hear_stop(struct worker *w, const struct msg *msg)
{
    w->stopped = true;
    if (msg->code != ERR_NONE) {
        err_set(&w->stop, (enum err_code)msg->code, "%s", msg->text);
        w->stop.rank = msg->rank;
    }
    return 0;
}

static int hear(struct worker *w, int from, const struct msg *msg, struct err *err)
{
    double now = clock_now();

    switch (msg->kind) {
    case MSG_GRANT:
        return hear_grant(w, msg, err);
    case MSG_DUPLICATE:
        return add_task(w, msg->id, true, true, err);
    case MSG_CANCEL:
        return hear_cancel(w, msg->id);
    case MSG_ADOPT:
        return hear_adopt(w, msg->id, err);
    case MSG_PLACE:
        return places_put(&w->places, msg->id, msg->count, msg->text, err);
    case MSG_HASH:
        return hasher_begin(&w->hasher, msg, err);
    case MSG_HOLD:
        w->hold_until = now + msg->seconds;
        return 0;
    case MSG_RATE:
        rate_set(&w->world.rate, (double)msg->bytes, now);
        return 0;
    case MSG_STOP:
        return hear_stop(w, msg);
    default:
        if (w->coordinator)
            return coordinator_hear(w->coordinator, from, msg, err);
        return err_set(err, ERR_DEFECT, "a '%s' message came to a rank it is not for",
                       msg_name(msg->kind));
    }
}

static int worker_take_orders(struct worker *w, struct err *err)
{
    struct msg msg;
    int from;

    while (!w->stopped && comm_recv(w->run->comm, &w->bytes, &from)) {
        w->idle = 0;
        if (msg_decode(&msg, w->bytes.data, w->bytes.len, err) < 0 ||
            hear(w, from, &msg, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- sockets and disks ---------------------------------------------------------------
 */

/* MPI has no descriptor to poll, so a rank looks for messages every so often: at once
 * while things happen, every few milliseconds when all is quiet. */
static double patience(const struct worker *w)
{
    static const double ladder[] = { 0, 0.0002, 0.0005, 0.001, 0.002, 0.003 };
    const unsigned last = countof(ladder) - 1;

    if (w->idle > 200)
        return 0.01;
    return ladder[w->idle < last ? w->idle : last];
}

static int worker_take_replies(struct worker *w, struct err *err)
{
    struct http_response response;
    int rc = 0;

    while (rc == 0 && http_next(w->world.http, &response)) {
        struct task *task = response.owner;

        trace_span(&w->run->trace, TRACE_FETCH, task->slot->number, task->segment, 1,
                   task->began, clock_now());
        if (response.err.text[0] && w->run->log.level >= LOG_DEBUG)
            log_line(&w->run->log, LOG_DEBUG, "segment %u: %s", (unsigned)task->segment,
                     response.err.text);
        rc = task_reply(task, &response, err);
        http_response_release(&response);
        w->idle = 0;
    }
    return rc;
}

static int job_back(struct worker *w, struct job *job, struct err *err)
{
    struct task *task;

    if (hasher_owns(job))
        return hasher_end(&w->hasher, job, err);
    if (job->owner >= (void *)w->slots && job->owner < (void *)(w->slots + w->run->slots))
        return task_written(job->owner, err);
    task = job->owner;
    if (store_copies(&w->store, task->duplicate) && !task->small)
        trace_span(&w->run->trace, TRACE_COPY, (unsigned)job->thread, task->segment, 1,
                   job->started, job->ended);
    w->run->stats.value[STAT_COPIED] +=
        store_copies(&w->store, task->duplicate) && !task->small ? task->got : 0;
    return task_settled(task, err);
}

static int worker_take_jobs(struct worker *w, struct err *err)
{
    struct job *job;

    while ((job = pool_finished(w->world.pool))) {
        w->idle = 0;
        if (job_back(w, job, err) < 0)
            return -1;
    }
    return 0;
}

/* Transfers that a rate limit had paused. */
static void worker_resume(struct worker *w)
{
    if (w->world.rate.per_second <= 0 || rate_wait(&w->world.rate, clock_now()) > 0)
        return;
    for (struct task *task = w->first; task; task = task->next)
        if (task->paused)
            task_resume(task);
}

static void count_busy(struct worker *w)
{
    double now = clock_now();
    bool busy = http_running(w->world.http) > 0;

    if (w->busy_since > 0)
        w->run->stats.value[STAT_BUSY] += (uint64_t)((now - w->busy_since) * 1e6);
    w->busy_since = busy ? now : 0;
}

static int worker_turn(struct worker *w, struct err *err)
{
    bool moved = false;

    if (w->coordinator && coordinator_step(w->coordinator, &moved, err) < 0)
        return -1;
    if (worker_take_orders(w, err) < 0 || worker_begin(w, err) < 0)
        return -1;
    worker_resume(w);
    if (http_wait(w->world.http, moved ? 0 : patience(w), &moved, err) < 0)
        return -1;
    w->idle = moved ? 0 : w->idle + 1;
    count_busy(w);
    if (worker_take_replies(w, err) < 0 || worker_take_jobs(w, err) < 0)
        return -1;
    if (worker_sweep(w, err) < 0)
        return -1;
    return worker_report(w, err);
}

/* Drop everything and tell the coordinator why; after that only orders are heard, and
 * only STOP ends the loop: nobody is left behind. */
static void worker_give_up(struct worker *w, const struct err *why)
{
    struct msg msg = { .kind = MSG_ABORT, .code = (int32_t)why->code, .text = why->text };
    struct err err = { 0 };

    if (w->gave_up)
        return;
    w->gave_up = true;
    pool_stop(w->world.pool);
    for (struct task *task = w->first; task; task = task->next)
        task_cancel(task);
    if (agree_send(w->run, 0, &msg, &err) < 0)
        w->stopped = true; /* MPI itself is broken: nobody would answer */
}

/* A rank that gave up still runs the coordinator, if it has it. */
static int quiet_turn(struct worker *w, struct err *err)
{
    bool moved = false;

    clock_sleep(0.001);
    if (worker_take_orders(w, err) < 0)
        return -1;
    return w->coordinator ? coordinator_step(w->coordinator, &moved, err) : 0;
}

int worker_run(struct worker *w, struct err *err)
{
    struct run *run = w->run;
    struct err own = { 0 };

    while (!w->stopped) {
        int rc = w->gave_up ? quiet_turn(w, &own) : worker_turn(w, &own);

        if (rc == 0 && !w->gave_up && run->interrupted(run->interrupted_arg))
            rc = err_set(&own, ERR_INTERRUPTED, "interrupted");
        if (rc < 0)
            worker_give_up(w, &own);
    }
    if (w->stop.code == ERR_NONE && !w->gave_up)
        return 0;
    *err = w->stop.code != ERR_NONE ? w->stop : own;
    return -1;
}

/* ---- life ----------------------------------------------------------------------------
 */

static void wake(void *arg)
{
    http_wake(arg);
}

static int open_engine(struct worker *w, struct err *err)
{
    const struct run_options *opt = &w->run->opt;
    struct http_config config = {
        .connections = w->run->slots ? w->run->slots : 1,
        .proxy = opt->proxy,
        .cacert = opt->cacert,
        .connect_timeout = opt->connect_timeout,
        .low_speed = opt->speed_limit,
        .low_speed_time = opt->speed_time,
    };

    if (http_create(&w->world.http, &config, err) < 0)
        return -1;
    return pool_create(&w->world.pool, WORKER_THREADS, wake, w->world.http, err);
}

int worker_create(struct worker **out, struct run *run, struct coordinator *coordinator,
                  struct err *err)
{
    struct worker *w = calloc(1, sizeof(*w));
    int rc = -1;

    *out = NULL;
    if (!w)
        return err_memory(err, "a worker");
    w->run = run;
    w->coordinator = coordinator;
    w->last = &w->first;
    w->credit = run->slots ? WORKER_AHEAD : 0;
    w->landed.kind = MSG_LANDED;
    w->slots = calloc(run->slots + (size_t)1, sizeof(*w->slots));
    w->touched = calloc(WORKER_SYNC_FILES, sizeof(*w->touched));
    if (!w->slots || !w->touched) {
        err_memory(err, "a worker");
        goto out;
    }
    for (unsigned i = 0; i < run->slots; i++)
        if (task_slot_init(&w->slots[i], i, err) < 0)
            goto out;
    if (open_engine(w, err) < 0 || store_open(&w->store, run, err) < 0)
        goto out;
    w->world.run = run;
    w->world.store = &w->store;
    rate_init(&w->world.rate, 0, 1 << 20, clock_now());
    w->hasher = (struct hasher){ run, &w->store, w->world.pool, 0 };
    *out = w;
    w = NULL;
    rc = 0;
out:
    worker_destroy(w);
    return rc;
}

int worker_sync(struct worker *w, struct err *err)
{
    struct strbuf path = { 0 };
    int rc = 0;

    if (w->ntouched > WORKER_SYNC_FILES)
        return fs_sync_system(w->run->tree, err);
    for (uint32_t i = 0; i < w->ntouched && rc == 0; i++) {
        rc = store_place(&w->store, w->touched[i], &path, err);
        if (rc == 0)
            rc = fs_sync_path(path.data, err);
    }
    strbuf_release(&path);
    return rc;
}

void worker_destroy(struct worker *w)
{
    if (!w)
        return;
    http_destroy(w->world.http);
    pool_destroy(w->world.pool);
    while (w->first) {
        struct task *task = w->first;

        w->first = task->next;
        task_destroy(task);
    }
    for (unsigned i = 0; w->slots && i < w->run->slots; i++)
        task_slot_release(&w->slots[i]);
    store_close(&w->store);
    places_release(&w->places);
    strbuf_release(&w->bytes);
    free(w->slots);
    free(w->touched);
    free(w);
}
