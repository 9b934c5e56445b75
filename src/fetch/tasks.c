#include "fetch/tasks.h"

#include <stdlib.h>

#include "fetch/batch.h"
#include "fetch/landing.h"
#include "fetch/room.h"
#include "fetch/transfer.h"
#include "io/clock.h"
#include "report/trace.h"

enum { TASKS_LOOK = 16 /* most that are looked at in a turn for room */ };

int tasks_open(struct tasks *tasks, const struct task_world *world, struct outbox *outbox,
               struct err *err)
{
    unsigned slots = world->run->slots_most;

    tasks->most = world->run->slots;
    tasks->world = *world;
    tasks->world.speeds = &tasks->speeds;
    tasks->outbox = outbox;
    tasks->last = &tasks->first;
    tasks->slots = calloc(slots + (size_t)1, sizeof(*tasks->slots));
    if (!tasks->slots || speeds_open(&tasks->speeds, slots, err) < 0)
        return err_memory(err, "transfers");
    for (unsigned i = 0; i < slots; i++)
        tasks->slots[i].number = i;
    buffers_limit(world->buffers, tasks->most);
    return 0;
}

void tasks_release(struct tasks *tasks)
{
    while (tasks->first) {
        struct task *task = tasks->first;

        tasks->first = task->next;
        task_destroy(task);
    }
    free(tasks->slots);
    tasks->slots = NULL;
    signed_urls_release(&tasks->urls);
    speeds_close(&tasks->speeds);
}

static struct task *find_task(struct tasks *tasks, uint32_t segment)
{
    for (struct task *task = tasks->first; task; task = task->next)
        if (task->segment == segment && !task_is_recalled(task))
            return task;
    return NULL;
}

static int add_task(struct tasks *tasks, const struct msg_item *item, struct err *err)
{
    struct run *run = tasks->world.run;
    uint32_t count = run->segments.count;
    struct task *task;

    if (item->segment >= count || item->segments == 0 ||
        item->segments > count - item->segment)
        return err_set(err, ERR_DEFECT, "granted %u segments from %u on, of %u",
                       (unsigned)item->segments, (unsigned)item->segment,
                       (unsigned)count);
    if (item->flags & MSG_ITEM_WHOLE)
        run->plan.files[run->segments.file[item->segment]].flags |= PLAN_WHOLE;
    task = task_create(&tasks->world, item->segment, item->segments, err);
    if (!task)
        return -1;
    task->unit = (item->flags & MSG_ITEM_UNIT) != 0;
    task->held = (item->flags & MSG_ITEM_HELD) != 0;
    task->nearby = (item->flags & MSG_ITEM_NEARBY) != 0;
    task->moves = (item->flags & MSG_ITEM_MOVES) != 0;
    task->where = item->where;
    task->checksum = item->checksum;
    *tasks->last = task;
    tasks->last = &task->next;
    tasks->waiting++;
    return signed_urls_fill(&tasks->urls, task->file, &task->url, &task->generation, err);
}

int tasks_grant(struct tasks *tasks, const struct msg *msg, struct err *err)
{
    for (uint32_t i = 0; i < msg->nitems; i++)
        if (add_task(tasks, &msg->item[i], err) < 0)
            return -1;
    return 0;
}

/* A unit that is no longer waiting makes room for another. */
static void left_queue(struct tasks *tasks, const struct task *task)
{
    tasks->waiting--;
    if (task->unit)
        tasks->outbox->credit++;
}

static void drop(struct tasks *tasks, struct task *task)
{
    if (task->state == TASK_WAITING)
        left_queue(tasks, task);
    task_cancel(task);
}

/* One that is not here has been reported: the two messages crossed. The same goes for one
 * that is as good as over: its report is the answer. */
int tasks_take_back(struct tasks *tasks, uint32_t segment, struct err *err)
{
    struct task *task = find_task(tasks, segment);

    if (!task)
        return 0;
    if (task->state != TASK_WAITING)
        return outbox_shortened(tasks->outbox, task, err);
    drop(tasks, task);
    return 0;
}

int tasks_cut(struct tasks *tasks, uint32_t segment, uint32_t keep, struct err *err)
{
    struct task *task = find_task(tasks, segment);
    bool untouched;

    if (!task || (task->state != TASK_WAITING && !transfer_may_cut(task)))
        return 0;
    keep = transfer_keeps(task, keep);
    tasks->world.run->stats.value[STAT_CUT] +=
        task->state != TASK_WAITING && keep < task->count;
    if (keep == 0) {
        drop(tasks, task);
        return 0;
    }
    if (transfer_cut(task, keep, &untouched, err) < 0)
        return -1;
    return untouched ? outbox_shortened(tasks->outbox, task, err) : 0;
}

void tasks_drop_all(struct tasks *tasks)
{
    for (struct task *task = tasks->first; task; task = task->next)
        task_cancel(task);
}

static unsigned transfers_of(const struct tasks *tasks)
{
    unsigned n = 0;

    for (const struct task *task = tasks->first; task; task = task->next)
        n += task->transfer != NULL;
    return n;
}

/* The youngest have the least to lose. */
void tasks_limit(struct tasks *tasks, unsigned most, bool at_once)
{
    unsigned running = transfers_of(tasks), keep = 0;

    tasks->most =
        most < tasks->world.run->slots_most ? most : tasks->world.run->slots_most;
    buffers_limit(tasks->world.buffers, tasks->most);
    if (!at_once || running <= tasks->most)
        return;
    for (struct task *task = tasks->first; task; task = task->next)
        keep += task_may_break(task);
    keep -= keep < running - tasks->most ? keep : running - tasks->most;
    for (struct task *task = tasks->first; task; task = task->next)
        if (task_may_break(task) && keep-- == 0) {
            keep = 0;
            transfer_break(task);
        }
}

void tasks_renew(struct tasks *tasks, uint32_t segment)
{
    struct task *task = find_task(tasks, segment);
    double now = clock_now();

    if (!task || !task->transfer)
        return; /* it has ended meanwhile */
    tasks->world.run->stats.value[STAT_REPLACED]++;
    trace_span(tasks->world.run->trace, TRACE_RENEW, task->slot->number, segment, 1, now,
               now);
    speeds_forget(task);
    http_retire(task->transfer);
    if (!task_may_break(task) || task_size(task) - task->got < task->rate)
        return;
    task->renew = true;
    transfer_break(task);
}

static struct task_slot *free_slot(struct tasks *tasks)
{
    struct task_slot *slot = NULL;
    unsigned taken = 0;

    for (unsigned i = 0; i < tasks->world.run->slots_most; i++) {
        taken += tasks->slots[i].taken;
        if (!slot && !tasks->slots[i].taken)
            slot = &tasks->slots[i];
    }
    return taken < tasks->most ? slot : NULL;
}

static int go_on(struct tasks *tasks, bool *moved, struct err *err)
{
    unsigned running = transfers_of(tasks);

    for (struct task *task = tasks->first; task; task = task->next) {
        if (task->state != TASK_RESTING || running >= tasks->most)
            continue;
        if (transfer_go_on(task, err) < 0)
            return -1;
        running++;
        *moved = true;
    }
    return 0;
}

static int begin_task(struct tasks *tasks, struct task *task, struct task_slot *slot,
                      struct err *err)
{
    int rc;

    left_queue(tasks, task);
    if (slot)
        task_take_slot(task, slot);
    rc = landing_is_local(task) ? landing_begin_local(task, err)
                                : transfer_begin(task, err);
    if (rc < 0)
        return -1;
    tasks->outbox->started |= !task->small;
    return 0;
}

int tasks_begin(struct tasks *tasks, bool *moved, struct err *err)
{
    struct task_slot *slot;

    if (go_on(tasks, moved, err) < 0)
        return -1;
    for (struct task *task = tasks->first; task && tasks->waiting > 0;
         task = task->next) {
        if (task->state != TASK_WAITING)
            continue;
        slot = landing_needs_slot(task) ? free_slot(tasks) : NULL;
        if (!slot && landing_needs_slot(task))
            return 0;
        if (begin_task(tasks, task, slot, err) < 0)
            return -1;
        *moved = true;
    }
    return 0;
}

static void resume_some(struct tasks *tasks, bool urgent, bool spilling, double now)
{
    unsigned looked = 0;

    for (struct task *task = tasks->first; task && looked < TASKS_LOOK;
         task = task->next) {
        if (!room_is_wanted(task) || room_is_urgent(task, now) != urgent)
            continue;
        looked++;
        if (room_get(task, spilling))
            transfer_resume(task);
    }
}

/* All but what is hashed next wait for what is hashed before them, unless that costs too
 * much. Those that starve first: the others may keep memory from them for ever. */
static void resume_full(struct tasks *tasks)
{
    double now = clock_now();
    bool waiting = false, spilling;

    for (const struct task *task = tasks->first; task; task = task->next)
        waiting |= task->state == TASK_FULL;
    spilling = spill_turn(tasks->world.spill, waiting, now);
    if (!waiting)
        return;
    resume_some(tasks, true, spilling, now);
    resume_some(tasks, false, spilling, now);
}

static void resume_throttled(struct tasks *tasks)
{
    unsigned throttled = 0, turn;

    if (tasks->world.rate->per_second <= 0 ||
        rate_wait(tasks->world.rate, clock_now()) > 0)
        return;
    /* The first that resumes takes most of the rate: each time another one. */
    for (struct task *task = tasks->first; task; task = task->next)
        throttled += task->state == TASK_THROTTLED;
    turn = throttled ? tasks->turn++ % throttled : 0;
    for (struct task *task = tasks->first; task; task = task->next)
        if (task->state == TASK_THROTTLED && turn-- == 0) {
            transfer_resume(task);
            return;
        }
}

void tasks_resume(struct tasks *tasks)
{
    resume_full(tasks);
    resume_throttled(tasks);
}

static void count_landed(struct tasks *tasks, const struct task *task)
{
    uint64_t *value = tasks->world.run->stats.value;

    value[STAT_HASHED] += task->hashed ? task->got : 0;
    value[STAT_SEGMENTS] += tasks->world.run->mode != RUN_REHASH ? task->count : 0;
}

/* Report the end of a task; *over: it can be freed. */
static int finish(struct tasks *tasks, struct task *task, bool *over, struct err *err)
{
    *over = false;
    switch (task->state) {
    case TASK_LANDED:
        *over = true;
        count_landed(tasks, task);
        return outbox_landed(tasks->outbox, task, err);
    case TASK_FAILED:
    case TASK_CANCELLED:
        *over = task_idle(task);
        if (!*over)
            return 0;
        if (task_close(task, err) < 0)
            return -1;
        if (!task->small)
            store_drop(tasks->world.store, task->segment);
        if (task->hashed_here)
            ahead_drop(tasks->world.ahead, task->file, task_range(task).begin,
                       task_range(task).end);
        return task->state == TASK_CANCELLED ? outbox_cancelled(tasks->outbox, task, err)
                                             : outbox_failed(tasks->outbox, task, err);
    default:
        return 0;
    }
}

int tasks_sweep(struct tasks *tasks, struct err *err)
{
    struct task **at = &tasks->first;

    tasks->landing = 0;
    while (*at) {
        struct task *task = *at;
        bool over;

        if (transfer_end_cut(task, err) < 0 || finish(tasks, task, &over, err) < 0)
            return -1;
        tasks->landing += task_is_landing(task) && !task->batch;
        if (!over) {
            at = &task->next;
            continue;
        }
        *at = task->next;
        task_destroy(task);
    }
    tasks->last = at;
    tasks->outbox->at_end = tasks->first && tasks->waiting == 0;
    return 0;
}

bool tasks_room(const struct tasks *tasks)
{
    return tasks->landing <= 2 * tasks->world.run->slots &&
           tasks->world.batches->running <= BATCH_ROOM;
}
