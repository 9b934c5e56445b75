#include "fetch/tasks.h"

#include <stdlib.h>

#include "io/clock.h"
#include "io/fs/fs.h"
#include "ranks/background.h"
#include "resume/journal.h"
#include "staging/local_metadata.h"

int tasks_open(struct tasks *hands, const struct task_world *world, struct outbox *outbox,
               struct err *err)
{
    unsigned slots = world->run->slots;

    hands->world = *world;
    hands->outbox = outbox;
    hands->last = &hands->first;
    hands->slots = calloc(slots + (size_t)1, sizeof(*hands->slots));
    hands->is_touched = calloc(world->run->plan.nfiles / 8 + 1, 1);
    if (!hands->slots || !hands->is_touched)
        return err_memory(err, "transfers");
    for (unsigned i = 0; i < slots; i++)
        if (task_slot_init(&hands->slots[i], i, err) < 0)
            return -1;
    return 0;
}

void tasks_release(struct tasks *hands)
{
    while (hands->first) {
        struct task *task = hands->first;

        hands->first = task->next;
        task_destroy(task);
    }
    for (unsigned i = 0; hands->slots && i < hands->world.run->slots; i++)
        task_slot_release(&hands->slots[i]);
    free(hands->slots);
    hands->slots = NULL;
    free(hands->is_touched);
    free(hands->touched);
    places_release(&hands->places);
}

static struct task *find(struct tasks *hands, uint32_t segment)
{
    for (struct task *task = hands->first; task; task = task->next)
        if (task->segment == segment && !task->cancelled)
            return task;
    return NULL;
}

static int add(struct tasks *hands, const struct msg_item *item, bool duplicate,
               struct err *err)
{
    uint32_t count = hands->world.run->segments.count;
    struct task *task;

    if (item->segment >= count)
        return err_set(err, ERR_DEFECT, "granted segment %u of %u",
                       (unsigned)item->segment, (unsigned)count);
    task = task_create(&hands->world, item->segment, duplicate, err);
    if (!task)
        return -1;
    task->unit = (item->flags & MSG_ITEM_UNIT) != 0;
    task->held = (item->flags & MSG_ITEM_HELD) != 0;
    task->layer = item->layer;
    task->checksum = item->checksum;
    *hands->last = task;
    hands->last = &task->next;
    hands->waiting++;
    return places_fill(&hands->places, task->file, &task->url, &task->generation, err);
}

int tasks_grant(struct tasks *hands, const struct msg *msg, struct err *err)
{
    for (uint32_t i = 0; i < msg->nitems; i++)
        if (add(hands, &msg->item[i], false, err) < 0)
            return -1;
    return 0;
}

int tasks_duplicate(struct tasks *hands, uint32_t segment, struct err *err)
{
    const struct msg_item item = { .segment = segment, .flags = MSG_ITEM_UNIT };

    return add(hands, &item, true, err);
}

/* A unit that has left the queue makes room for another one. */
static void left_queue(struct tasks *hands, const struct task *task)
{
    hands->waiting--;
    if (task->unit)
        hands->outbox->credit++;
}

void tasks_cancel(struct tasks *hands, uint32_t segment)
{
    struct task *task = find(hands, segment);

    if (!task)
        return; /* reported already: the two messages crossed */
    if (task->state == TASK_WAITING)
        left_queue(hands, task);
    task_cancel(task);
}

/* A request that the source counts is not thrown away once it is made. */
void tasks_take_back(struct tasks *hands, uint32_t segment)
{
    const struct task *task = find(hands, segment);

    if (task && (task->state == TASK_WAITING ||
                 !(hands->world.run->plan.files[task->file].flags & PLAN_COUNTED)))
        tasks_cancel(hands, segment);
}

int tasks_adopt(struct tasks *hands, uint32_t segment, struct err *err)
{
    struct task *task = find(hands, segment);

    if (!task || task->state != TASK_SPARE)
        return err_set(err, ERR_DEFECT, "told to adopt segment %u, which is not here",
                       (unsigned)segment);
    task_settle(task);
    return 0;
}

void tasks_drop_all(struct tasks *hands)
{
    for (struct task *task = hands->first; task; task = task->next)
        task_cancel(task);
}

static struct task_slot *free_slot(struct tasks *hands)
{
    for (unsigned i = 0; i < hands->world.run->slots; i++)
        if (!hands->slots[i].taken)
            return &hands->slots[i];
    return NULL;
}

static int go_on(struct tasks *hands, bool *moved, struct err *err)
{
    for (struct task *task = hands->first; task; task = task->next) {
        if (!task->resting)
            continue;
        if (task_go_on(task, err) < 0)
            return -1;
        *moved = true;
    }
    return 0;
}

int tasks_begin(struct tasks *hands, bool *moved, struct err *err)
{
    struct task_slot *slot;

    if (go_on(hands, moved, err) < 0)
        return -1;
    for (struct task *task = hands->first; task && hands->waiting > 0;
         task = task->next) {
        if (task->state != TASK_WAITING)
            continue;
        if (!(slot = free_slot(hands)))
            return 0;
        left_queue(hands, task);
        if (task_begin(task, slot, err) < 0)
            return -1;
        hands->outbox->started |= !task->small;
        *moved = true;
    }
    return 0;
}

void tasks_resume(struct tasks *hands)
{
    unsigned throttled = 0, turn;

    if (hands->world.rate->per_second <= 0 ||
        rate_wait(hands->world.rate, clock_now()) > 0)
        return;
    /* The first to be asked takes most of what there is: each time another one. */
    for (struct task *task = hands->first; task; task = task->next)
        throttled += task->paused && task->throttled;
    turn = throttled ? hands->turn++ % throttled : 0;
    for (struct task *task = hands->first; task; task = task->next)
        if (task->paused && task->throttled && turn-- == 0) {
            task_resume(task);
            return;
        }
}

static int touch(struct tasks *hands, uint32_t file, struct err *err)
{
    uint8_t bit = (uint8_t)(1u << file % 8);

    if (hands->is_touched[file / 8] & bit)
        return 0;
    if (hands->ntouched == hands->room) {
        uint32_t room = hands->room + hands->room / 2 + HANDS_TOUCHED;
        uint32_t *touched = realloc(hands->touched, room * sizeof(*touched));

        if (!touched)
            return err_memory(err, "the list of files to sync");
        hands->touched = touched;
        hands->room = room;
    }
    hands->is_touched[file / 8] |= bit;
    hands->touched[hands->ntouched++] = file;
    return 0;
}

static int count_landed(struct tasks *hands, const struct task *task, struct err *err)
{
    uint64_t *value = hands->world.run->stats.value;

    value[STAT_HASHED] += task->hashed ? task->got : 0;
    if (hands->world.run->mode == RUN_REHASH)
        return 0;
    value[STAT_SEGMENTS]++;
    return touch(hands, task->file, err);
}

/* Report what became of a task; *over: it can be freed. */
static int finish(struct tasks *hands, struct task *task, bool *over, struct err *err)
{
    *over = false;
    switch (task->state) {
    case TASK_SPARE:
        /* Said once; what is to become of it is the coordinator's word. */
        if (task->reported)
            return 0;
        task->reported = true;
        return outbox_landed(hands->outbox, task, err);
    case TASK_LANDED:
        *over = true;
        if (count_landed(hands, task, err) < 0)
            return -1;
        return outbox_landed(hands->outbox, task, err);
    case TASK_DROPPED:
        *over = task_idle(task);
        if (!*over)
            return 0;
        if (task_close(task, err) < 0)
            return -1;
        if (!task->small)
            store_drop(hands->world.store, task->segment, task->duplicate);
        return task->cancelled ? outbox_cancelled(hands->outbox, task, err)
                               : outbox_failed(hands->outbox, task, err);
    default:
        return 0;
    }
}

int tasks_sweep(struct tasks *hands, struct err *err)
{
    struct task **at = &hands->first;

    hands->settling = 0;
    while (*at) {
        struct task *task = *at;
        bool over;

        if (finish(hands, task, &over, err) < 0)
            return -1;
        hands->settling += task->state == TASK_SETTLING;
        if (!over) {
            at = &task->next;
            continue;
        }
        *at = task->next;
        task_destroy(task);
    }
    hands->last = at;
    return 0;
}

bool tasks_room(const struct tasks *hands)
{
    return hands->settling <= 2 * hands->world.run->slots;
}

bool hands_is_write(const struct tasks *hands, const struct job *job)
{
    const char *owner = job->owner;
    const char *begin = (const char *)hands->slots;

    return owner >= begin &&
           owner < (const char *)(hands->slots + hands->world.run->slots);
}

/* The Hub library's record of a file that this rank alone wrote. */
static int sync_record(const struct tasks *hands, uint32_t file, struct strbuf *path,
                       struct err *err)
{
    const struct run *run = hands->world.run;

    if (!local_metadata_wanted(run) || !local_metadata_fits(run, file) ||
        segments_of(&run->segments, file) != 1)
        return 0;
    strbuf_clear(path);
    local_metadata_file_path(run, file, path);
    return path->failed ? err_memory(err, "a path") : fs_sync_path(path->data, err);
}

/* Many files leave faster together; but only the sync of a file itself says for certain,
 * and of every kernel, that its own bytes went out. */
int tasks_sync(const struct tasks *hands, struct err *err)
{
    const struct run *run = hands->world.run;
    struct strbuf path = { 0 };
    int rc = 0;

    if (hands->ntouched > HANDS_TOUCHED)
        rc = fs_sync_system(run->staging.tree, err);
    for (uint32_t i = 0; i < hands->ntouched && rc == 0; i++) {
        rc = store_place(hands->world.store, hands->touched[i], &path, err);
        if (rc == 0)
            rc = fs_sync_path(path.data, err);
        if (rc == 0)
            rc = sync_record(hands, hands->touched[i], &path, err);
        if (rc == 0)
            rc = background_poll(&hands->world.run->ranks, err);
    }
    if (rc < 0)
        journal_doubt(run, err);
    /* Whoever syncs the file system next is told of the same failure, once: better now
     * than when the next run has all its bytes on the disk. */
    if (rc < 0 && err->unsure)
        fs_sync_system(run->staging.tree, NULL);
    strbuf_release(&path);
    return rc;
}
