#include "fetch/outbox.h"

#include <string.h>

#include "core/state/sums.h"
#include "fetch/room.h"
#include "fetch/speeds.h"
#include "io/clock.h"
#include "ranks/mail.h"
#include "ranks/nodes.h"

/* Most that are asked for in one turn: ranks that begin together share the head of a file,
 * whose hash goes through the memory of each. */
enum { OUTBOX_UNITS = 4 };

void outbox_open(struct outbox *outbox, struct run *run, uint32_t credit)
{
    *outbox = (struct outbox){ .run = run, .credit = credit };
    outbox->landed.kind = MSG_LANDED;
    outbox->sums.kind = MSG_SUMS;
}

void outbox_close(struct outbox *outbox)
{
    strbuf_release(&outbox->sum);
}

static int send_sums(struct outbox *outbox, struct err *err)
{
    struct msg *sums = &outbox->sums;
    int rc = 0;

    sums->blob = outbox->sum.data;
    sums->blob_len = outbox->sum.len;
    if (outbox->sum.failed)
        rc = err_memory(err, "checksums");
    else if (sums->nitems > 0)
        rc = mail_send(&outbox->run->ranks, 0, sums, err);
    sums->nitems = 0;
    strbuf_clear(&outbox->sum);
    return rc;
}

/* Of several segments that a former run left, nobody knows them. */
static void add_sums(struct outbox *outbox, const struct task *task)
{
    struct msg *sums = &outbox->sums;

    if (!nodes_spread(outbox->run) || outbox->run->mode != RUN_FETCH ||
        (task->count > 1 && task->sums.done < task->count))
        return;
    sums->item[sums->nitems++] =
        (struct msg_item){ .segment = task->segment, .segments = task->count };
    for (uint32_t i = 0; i < task->count; i++)
        sums_add(&outbox->sum, task->count > 1 ? task->sums.value[i] : task->checksum);
}

static int send_landed(struct outbox *outbox, struct err *err)
{
    struct ranks *ranks = &outbox->run->ranks;
    int keeper = nodes_keeper(ranks, nodes_of(ranks, ranks->rank)), rc = 0;

    if (send_sums(outbox, err) < 0)
        return -1;
    if (outbox->landed.nitems > 0)
        rc = mail_send(ranks, 0, &outbox->landed, err);
    /* Which hashes the copy of this node. */
    if (outbox->landed.nitems > 0 && rc == 0 && keeper != 0 && nodes_spread(outbox->run))
        rc = mail_send(ranks, keeper, &outbox->landed, err);
    outbox->landed.nitems = 0;
    return rc;
}

int outbox_landed(struct outbox *outbox, const struct task *task, struct err *err)
{
    struct msg_item *item = &outbox->landed.item[outbox->landed.nitems++];

    add_sums(outbox, task);
    item->segment = task->segment;
    item->segments = task->count;
    item->flags = (task->hashed ? MSG_ITEM_DIGEST : 0u) | (task->bad ? MSG_ITEM_BAD : 0u);
    memcpy(item->sha256, task->sha256, sizeof(item->sha256));
    return outbox->landed.nitems == MSG_ITEMS ? send_landed(outbox, err) : 0;
}

int outbox_failed(struct outbox *outbox, const struct task *task, struct err *err)
{
    struct msg msg = { .kind = MSG_FAILED,
                       .segment = task->segment,
                       .generation = task->generation,
                       .reason = (int32_t)task->err.reason,
                       .lost = task->held || task->nearby,
                       .outcome = task->outcome,
                       .text = task->err.text };

    return mail_send(&outbox->run->ranks, 0, &msg, err);
}

int outbox_shortened(struct outbox *outbox, const struct task *task, struct err *err)
{
    struct msg msg = { .kind = MSG_SHORTENED,
                       .segment = task->segment,
                       .segments = task->count };

    return mail_send(&outbox->run->ranks, 0, &msg, err);
}

int outbox_cancelled(struct outbox *outbox, const struct task *task, struct err *err)
{
    struct msg msg = { .kind = MSG_CANCELLED, .segment = task->segment };

    return mail_send(&outbox->run->ranks, 0, &msg, err);
}

/* Since the last report, or still. */
static bool has_waited(const struct task *task)
{
    return task->waited || task_is_paused(task);
}

static uint32_t flags_of(const struct task *task)
{
    if (task->state == TASK_RESTING)
        return MSG_ITEM_RESTS;
    return (has_waited(task) || !task_may_break(task) ? MSG_ITEM_OURS : 0) |
           (room_is_wanted(task) ? MSG_ITEM_FULL : 0);
}

/* In several messages if one does not hold all: a task that is not listed looks as if it
 * had not begun. */
static int add_running(struct outbox *outbox, struct msg *msg, const struct task *task,
                       struct err *err)
{
    int rc = 0;

    if (msg->nitems == MSG_ITEMS) {
        rc = mail_send(&outbox->run->ranks, 0, msg, err);
        msg->nitems = 0;
    }
    /* For a landing task only the disk is waited for, whether its bytes came from there
     * or not. */
    msg->item[msg->nitems++] =
        (struct msg_item){ .segment = task->segment,
                           .flags = flags_of(task),
                           .bytes = task_is_landing(task) ? task_size(task) : task->got,
                           .source = task->source,
                           .rate = task->transfer ? task->rate : 0,
                           .seconds = task->transfer ? task->seconds : 0 };
    return rc;
}

static int send_progress(struct outbox *outbox, struct task *first, struct err *err)
{
    const struct run *run = outbox->run;
    const uint64_t *value = run->stats.value;
    double now = clock_now();
    struct msg msg = { .kind = MSG_PROGRESS,
                       .reached = value[STAT_FETCHED] > 0,
                       .idle = outbox->idle,
                       .received = value[STAT_FETCHED],
                       .fetched = run->mode == RUN_REHASH
                                      ? value[STAT_HASHED]
                                      : value[STAT_FETCHED] + value[STAT_NEARBY] +
                                            value[STAT_RESUMED] };

    for (struct task *task = first; task; task = task->next) {
        speeds_count(task, now);
        msg.running += task_is_fetching(task) || run->mode == RUN_REHASH;
        msg.waiting += task_is_fetching(task) && has_waited(task);
    }
    for (struct task *task = first; task; task = task->next) {
        if ((task_is_fetching(task) || task_is_landing(task)) &&
            add_running(outbox, &msg, task, err) < 0)
            return -1;
        task->waited = false;
    }
    return mail_send(&outbox->run->ranks, 0, &msg, err);
}

static double period(const struct outbox *outbox)
{
    int nranks = outbox->run->ranks.size;

    return outbox->at_end ? meter_period_at_end(nranks) : meter_period(nranks);
}

int outbox_send(struct outbox *outbox, struct task *first, bool room, struct err *err)
{
    uint32_t units = outbox->credit < OUTBOX_UNITS ? outbox->credit : OUTBOX_UNITS;
    struct msg credit = { .kind = MSG_CREDIT, .units = units };
    double now = clock_now();

    if (send_landed(outbox, err) < 0)
        return -1;
    if (room && outbox->credit > 0) {
        outbox->credit -= units;
        if (mail_send(&outbox->run->ranks, 0, &credit, err) < 0)
            return -1;
    }
    if (!outbox->started && now < outbox->reported + period(outbox))
        return 0;
    outbox->started = false;
    outbox->reported = now;
    return send_progress(outbox, first, err);
}
