#include "fetch/task.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/fs/fs.h"
#include "ranks/nodes.h"
#include "resume/journal.h"

struct task *task_create(struct task_world *world, uint32_t segment, uint32_t count,
                         struct err *err)
{
    const struct segments *segments = &world->run->segments;
    struct task *task = calloc(1, sizeof(*task));

    if (!task) {
        err_memory(err, "a transfer");
        return NULL;
    }
    task->world = world;
    task->segment = segment;
    task->count = count;
    task->file = segments->file[segment];
    task->small = segments_small(segments, task->file);
    task->fd = -1;
    task->last = &task->full;
    return task;
}

int task_close(struct task *task, struct err *err)
{
    const struct store *store = task->world->store;
    struct err fault = { 0 };
    int fd = task->fd;

    task->fd = -1;
    if (fd < 0 || fs_close(fd, task->home.dir, task->home.name, &fault) == 0 ||
        store_copies(store, task->segment))
        return 0;
    journal_doubt(store->run, &fault);
    return err_copy(err, &fault);
}

void task_destroy(struct task *task)
{
    if (!task)
        return;
    task_leave_slot(task);
    task_drop_buffers(task);
    task_close(task, NULL);
    checksum_destroy(task->sum);
    segment_sums_release(&task->sums);
    free(task->url);
    free(task->body);
    free(task);
}

bool task_idle(const struct task *task)
{
    return !task_is_landing(task) && !task->transfer && !task->writing;
}

bool task_may_follow(enum task_state state, enum task_state next)
{
    static const unsigned may_follow[TASK_STATES] = {
        [TASK_WAITING] = 1u << TASK_FETCHING | 1u << TASK_LANDING | 1u << TASK_CANCELLED,
        [TASK_FETCHING] = 1u << TASK_FULL | 1u << TASK_THROTTLED | 1u << TASK_RESTING |
                          1u << TASK_DRAINING | 1u << TASK_FAILED | 1u << TASK_CANCELLED,
        [TASK_FULL] = 1u << TASK_FETCHING | 1u << TASK_CANCELLED,
        [TASK_THROTTLED] = 1u << TASK_FETCHING | 1u << TASK_CANCELLED,
        [TASK_RESTING] = 1u << TASK_FETCHING | 1u << TASK_CANCELLED,
        [TASK_DRAINING] = 1u << TASK_LANDING | 1u << TASK_CANCELLED,
        [TASK_LANDING] = 1u << TASK_RECALLED | 1u << TASK_LANDED | 1u << TASK_FAILED,
        [TASK_RECALLED] = 1u << TASK_LANDED | 1u << TASK_CANCELLED,
        [TASK_LANDED] = 0,
        /* Told to stop while a pool thread still had it: the answer is CANCELLED then. */
        [TASK_FAILED] = 1u << TASK_CANCELLED,
        [TASK_CANCELLED] = 0,
    };

    return may_follow[state] & 1u << next;
}

void task_enter(struct task *task, enum task_state next)
{
    bool allowed = task_may_follow(task->state, next);

    assert(allowed);
    (void)allowed; /* where assertions are off */
    task->state = next;
}

bool task_is_fetching(const struct task *task)
{
    return task->state >= TASK_FETCHING && task->state <= TASK_DRAINING;
}

bool task_is_paused(const struct task *task)
{
    return task->state == TASK_FULL || task->state == TASK_THROTTLED;
}

bool task_is_landing(const struct task *task)
{
    return task->state == TASK_LANDING || task->state == TASK_RECALLED;
}

bool task_is_recalled(const struct task *task)
{
    return task->state == TASK_RECALLED || task->state == TASK_CANCELLED;
}

struct range task_range(const struct task *task)
{
    return segments_range(&task->world->run->segments, task->segment, task->count);
}

uint64_t task_size(const struct task *task)
{
    struct range range = task_range(task);

    return range.end - range.begin;
}

void task_judge(struct task *task, const uint8_t sha1[20])
{
    const struct digest *want = &task->world->run->plan.files[task->file].want;

    task->hashed = true;
    if (want->kind == DIGEST_SHA256)
        task->bad = memcmp(want->bytes, task->sha256, 32) != 0;
    if (want->kind == DIGEST_GIT_BLOB)
        task->bad = memcmp(want->bytes, sha1, 20) != 0;
}

void task_take_slot(struct task *task, struct task_slot *slot)
{
    task->slot = slot;
    slot->taken = true;
    task->began = clock_now();
}

void task_leave_slot(struct task *task)
{
    if (task->slot)
        task->slot->taken = false;
    task->slot = NULL;
}

static void drop_list(struct task *task, struct buffer *first)
{
    while (first) {
        struct buffer *buffer = first;

        first = buffer->next;
        buffers_drop(task->world->buffers, buffer);
    }
}

void task_drop_buffers(struct task *task)
{
    struct buffer *written = task->writing ? task->full : NULL;

    drop_list(task, task->filling);
    drop_list(task, task->spare);
    drop_list(task, written ? written->next : task->full);
    task->filling = task->spare = NULL;
    task->full = written;
    task->last = written ? &written->next : &task->full;
    if (written)
        written->next = NULL;
    task->unwritten = written != NULL;
}

int task_make_room(struct task *task, struct err *err)
{
    if (task->small) {
        task->body = malloc(task_size(task));
        return task->body ? 0 : err_memory(err, "a small file");
    }
    task->sum = checksum_create();
    if (!task->sum)
        return err_memory(err, "a checksum");
    if (task->count > 1 && nodes_spread(task->world->run) &&
        segment_sums_open(&task->sums, task->world->run->segments.size, task->count,
                          err) < 0)
        return -1;
    store_begin(task->world->store, task->segment, task->count);
    store_home(task->world->store, task->segment, &task->home);
    return 0;
}

void task_sum(struct task *task, const void *bytes, size_t len)
{
    uint64_t unit = task->world->run->segments.size;
    const char *at = bytes;

    segment_sums_feed(&task->sums, bytes, len);
    while (len > 0) {
        uint64_t left = unit - task->summed % unit;
        size_t part = len < left ? len : (size_t)left;

        checksum_feed(task->sum, at, part);
        task->summed += part;
        if (task->summed % unit == 0)
            task->mark = checksum_value(task->sum);
        at += part;
        len -= part;
    }
}

/* Of a segment that was cut off some bytes may have been in the sum already, but never all:
 * it would have been kept. */
uint64_t task_checksum(const struct task *task)
{
    if (!task->sum)
        return 0;
    return task->summed > task_size(task) ? task->mark : checksum_value(task->sum);
}

/* With the first write: an open on a parallel file system takes milliseconds that the
 * sockets should not wait for. */
static int open_home(struct task *task, struct err *err)
{
    struct store *store = task->world->store;

    if (task->fd >= 0)
        return 0;
    task->fd = store_open_home(store, task->segment, &task->home, err);
    task->direct =
        task->fd >= 0 && store_direct(store, task->segment) && fs_direct_begin(task->fd);
    return task->fd < 0 ? -1 : 0;
}

static int try_write(struct task *task, const void *bytes, size_t len, uint64_t at,
                     struct err *err)
{
    struct store *store = task->world->store;
    struct store_place *home = &task->home;
    bool refused = false;
    int rc;

    if (open_home(task, err) < 0 || store_check(store, task->segment, err) < 0)
        return -1;
    rc = fs_direct_pwrite(task->fd, &task->direct, &refused, home->dir, home->name, bytes,
                          len, home->offset + at, err);
    if (refused)
        store_refused(store, home);
    return rc;
}

int task_write(struct task *task, const void *bytes, size_t len, uint64_t at,
               struct err *err)
{
    struct err why = { 0 };

    if (try_write(task, bytes, len, at, &why) == 0)
        return 0;
    if (!store_leave(task->world->store, task->segment, at))
        return err_copy(err, &why);
    if (task->fd >= 0)
        fs_close(task->fd, task->home.dir, task->home.name, NULL);
    task->fd = -1;
    store_home(task->world->store, task->segment, &task->home);
    return try_write(task, bytes, len, at, err);
}

bool task_may_break(const struct task *task)
{
    const struct run *run = task->world->run;

    return task->transfer && task->got < task_size(task) &&
           !(run->plan.files[task->file].flags & (PLAN_WHOLE | PLAN_COUNTED));
}

void task_fail(struct task *task, const struct outcome *outcome, const struct err *why)
{
    task_enter(task, task->state == TASK_RECALLED ? TASK_CANCELLED : TASK_FAILED);
    task->outcome = *outcome;
    task->outcome.located = task->url != NULL;
    task->err = *why;
}

void task_cancel(struct task *task)
{
    if (task->transfer)
        http_cancel(task->world->http, task->transfer);
    task->transfer = NULL;
    if (task->state == TASK_LANDING)
        task_enter(task, TASK_RECALLED);
    else if (task->state != TASK_LANDED && !task_is_recalled(task))
        task_enter(task, TASK_CANCELLED);
}
