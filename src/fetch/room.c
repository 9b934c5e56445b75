#include "fetch/room.h"

#include "io/clock.h"

enum {
    ROOM_UNWRITTEN = 3, /* most buffers of a task that wait for its writes */
    ROOM_NEAR = 4       /* buffers: so near is what is hashed next, at least */
};

/* How many buffers are hashed before what comes next. */
static uint32_t distance(const struct task *task)
{
    return buffers_distance(task->world->buffers, task->file,
                            task_range(task).begin + task->got);
}

static bool get_spare(struct task *task, uint32_t kept)
{
    struct buffer *buffer = buffers_take(task->world->buffers, kept);

    if (!buffer)
        return false;
    buffer->next = task->spare;
    task->spare = buffer;
    return true;
}

static bool get_room(struct task *task)
{
    const struct buffers *buffers = task->world->buffers;

    return task->unwritten < ROOM_UNWRITTEN &&
           get_spare(task, spill_reserve(buffers->count - buffers->idle, distance(task)));
}

bool room_is_there(struct task *task, size_t len)
{
    size_t room = task->filling ? BUFFER_SIZE - task->filling->len : 0;

    for (const struct buffer *spare = task->spare; spare; spare = spare->next)
        room += BUFFER_SIZE;
    for (; room < len; room += BUFFER_SIZE)
        if (!get_room(task))
            return false;
    return true;
}

bool room_is_wanted(const struct task *task)
{
    return task->state == TASK_FULL && (task->spare || task->unwritten < ROOM_UNWRITTEN);
}

bool room_is_urgent(const struct task *task, double now)
{
    return room_is_wanted(task) && spill_starves(task->full_since, now);
}

/* One of those that are on the disk, from that distance on. */
static bool get_reclaimed(struct task *task, uint64_t least)
{
    return buffers_reclaim(task->world->buffers, least) && get_spare(task, 0);
}

/* Beyond the limit there are enough for whoever runs still. */
static bool get_any(struct task *task)
{
    struct buffer *buffer;

    if (get_spare(task, 0) || get_reclaimed(task, 0))
        return true;
    buffer = buffers_take_any(task->world->buffers);
    task->spare = buffer; /* it had none */
    return buffer != NULL;
}

/* What one request brings is hashed once all of it is on the disk. */
static bool is_near(const struct task *task, uint32_t away)
{
    const struct segments *segments = &task->world->run->segments;

    return away <= ROOM_NEAR || away <= segments->together * segments->size / BUFFER_SIZE;
}

bool room_get(struct task *task, bool spilling)
{
    uint32_t away;

    if (task->spare || !room_is_wanted(task))
        return task->spare != NULL;
    if (get_room(task))
        return true;
    if (room_is_urgent(task, clock_now()))
        return get_any(task);
    if (spilling)
        return get_reclaimed(task, 1);
    away = distance(task);
    return is_near(task, away) && get_reclaimed(task, (uint64_t)away + 1);
}
