#include "fetch/buffers.h"

#include <stdlib.h>

#include "io/fs/fs.h"

enum {
    BUFFERS_LEAST = 80, /* 40 MiB */
    BUFFERS_SLOT = 2    /* one is written, the other filled */
};

static uint32_t wanted(unsigned slots)
{
    uint32_t count = BUFFERS_SLOT * slots;

    return slots > 0 && count < BUFFERS_LEAST ? BUFFERS_LEAST : count;
}

int buffers_open(struct buffers *buffers, unsigned slots, void (*wake)(void *arg),
                 void *arg, struct err *err)
{
    uint32_t count = wanted(slots);

    *buffers = (struct buffers){ .wake = wake, .arg = arg };
    lock_init(&buffers->lock);
    buffers->memory = fs_direct_memory((size_t)count * BUFFER_SIZE);
    buffers->buffer = calloc(count + (size_t)1, sizeof(*buffers->buffer));
    if (!buffers->memory || !buffers->buffer)
        return err_memory(err, "transfer buffers");
    buffers->count = buffers->nfree = count;
    for (uint32_t i = count; i-- > 0;) {
        buffers->buffer[i].bytes = buffers->memory + (size_t)i * BUFFER_SIZE;
        buffers->buffer[i].next = buffers->free;
        buffers->free = &buffers->buffer[i];
    }
    return 0;
}

void buffers_limit(struct buffers *buffers, unsigned slots)
{
    uint32_t most = wanted(slots);

    lock_take(&buffers->lock);
    buffers->idle = most < buffers->count ? buffers->count - most : 0;
    lock_leave(&buffers->lock);
}

void buffers_mute(struct buffers *buffers)
{
    buffers->muted = true;
}

void buffers_release(struct buffers *buffers)
{
    free(buffers->memory);
    free(buffers->buffer);
    if (buffers->wake)
        lock_destroy(&buffers->lock);
    *buffers = (struct buffers){ 0 };
}

/* The lock is held. */
static struct buffer *take(struct buffers *buffers, uint32_t reserve)
{
    struct buffer *buffer = NULL;

    if (buffers->nfree > reserve) {
        buffer = buffers->free;
        buffers->free = buffer->next;
        buffers->nfree--;
        buffer->next = NULL;
        buffer->len = 0;
    } else {
        atomic_store(&buffers->missed, true);
    }
    return buffer;
}

struct buffer *buffers_take(struct buffers *buffers, uint32_t reserve)
{
    struct buffer *buffer;

    lock_take(&buffers->lock);
    buffer = take(buffers, reserve + buffers->idle);
    lock_leave(&buffers->lock);
    return buffer;
}

struct buffer *buffers_take_any(struct buffers *buffers)
{
    struct buffer *buffer;

    lock_take(&buffers->lock);
    buffer = take(buffers, 0);
    lock_leave(&buffers->lock);
    return buffer;
}

bool buffers_wait_for_hash(struct buffers *buffers)
{
    bool waits = false;

    if (!atomic_load(&buffers->missed))
        return false;
    lock_take(&buffers->lock);
    for (uint32_t i = 0; i < buffers->count && !waits; i++) {
        const struct buffer *buffer = &buffers->buffer[i];

        waits = buffer->filed && buffer->unhashed && !buffer->unwritten && !buffer->held;
    }
    lock_leave(&buffers->lock);
    return waits;
}

/* The lock is held. Whether it is free then. */
static bool settle(struct buffers *buffers, struct buffer *buffer)
{
    if (buffer->unwritten || buffer->unhashed || buffer->held)
        return false;
    buffer->filed = false;
    buffer->next = buffers->free;
    buffers->free = buffer;
    buffers->nfree++;
    return true;
}

static void unlock(struct buffers *buffers, bool freed)
{
    lock_leave(&buffers->lock);
    if (freed && atomic_exchange(&buffers->missed, false) && !buffers->muted)
        buffers->wake(buffers->arg);
}

static bool is_waiting(const struct buffer *buffer, uint32_t file)
{
    return buffer->filed && buffer->unhashed && buffer->file == file;
}

/* The first one of its file that is to be hashed, down to `at`. The lock is held. */
static uint64_t first_of(const struct buffers *buffers, uint32_t file, uint64_t at)
{
    for (uint32_t i = 0; i < buffers->count; i++) {
        const struct buffer *buffer = &buffers->buffer[i];

        if (is_waiting(buffer, file) && buffer->at < at)
            at = buffer->at;
    }
    return at;
}

static uint32_t distance(const struct buffers *buffers, uint32_t file, uint64_t at)
{
    uint64_t away = (at - first_of(buffers, file, at)) / BUFFER_SIZE;

    return away < UINT32_MAX ? (uint32_t)away : UINT32_MAX;
}

uint32_t buffers_distance(struct buffers *buffers, uint32_t file, uint64_t at)
{
    uint32_t away;

    lock_take(&buffers->lock);
    away = distance(buffers, file, at);
    lock_leave(&buffers->lock);
    return away;
}

bool buffers_reclaim(struct buffers *buffers, uint64_t least)
{
    struct buffer *last = NULL;

    lock_take(&buffers->lock);
    for (uint32_t i = 0; i < buffers->count; i++) {
        struct buffer *buffer = &buffers->buffer[i];
        uint32_t away;

        if (!buffer->filed || buffer->unwritten || buffer->held)
            continue;
        away = distance(buffers, buffer->file, buffer->at);
        if (away < least)
            continue;
        last = buffer;
        least = (uint64_t)away + 1;
    }
    if (last) {
        last->unhashed = false;
        settle(buffers, last);
    }
    lock_leave(&buffers->lock);
    return last != NULL;
}

void buffers_file(struct buffers *buffers, struct buffer *buffer, bool hashed)
{
    lock_take(&buffers->lock);
    buffer->filed = buffer->unwritten = true;
    buffer->unhashed = hashed;
    lock_leave(&buffers->lock);
}

void buffers_written(struct buffers *buffers, struct buffer *buffer)
{
    lock_take(&buffers->lock);
    buffer->unwritten = false;
    unlock(buffers, settle(buffers, buffer));
}

struct buffer *buffers_hold(struct buffers *buffers, uint32_t file, uint64_t at)
{
    struct buffer *found = NULL;

    lock_take(&buffers->lock);
    for (uint32_t i = 0; i < buffers->count && !found; i++) {
        struct buffer *buffer = &buffers->buffer[i];

        if (is_waiting(buffer, file) && !buffer->held && buffer->at == at)
            found = buffer;
    }
    if (found)
        found->held = true;
    lock_leave(&buffers->lock);
    return found;
}

void buffers_hashed(struct buffers *buffers, struct buffer *buffer)
{
    lock_take(&buffers->lock);
    buffer->unhashed = buffer->held = false;
    unlock(buffers, settle(buffers, buffer));
}

uint64_t buffers_next(struct buffers *buffers, uint32_t file, uint64_t at, uint64_t end)
{
    lock_take(&buffers->lock);
    for (uint32_t i = 0; i < buffers->count; i++) {
        const struct buffer *buffer = &buffers->buffer[i];

        if (is_waiting(buffer, file) && buffer->at >= at && buffer->at < end)
            end = buffer->at;
    }
    lock_leave(&buffers->lock);
    return end;
}

void buffers_drop(struct buffers *buffers, struct buffer *buffer)
{
    lock_take(&buffers->lock);
    buffer->unwritten = buffer->unhashed = false;
    unlock(buffers, settle(buffers, buffer));
}

void buffers_forget(struct buffers *buffers, uint32_t file, uint64_t from, uint64_t to)
{
    bool freed = false;

    lock_take(&buffers->lock);
    for (uint32_t i = 0; i < buffers->count; i++) {
        struct buffer *buffer = &buffers->buffer[i];

        if (!is_waiting(buffer, file) || buffer->at < from || buffer->at >= to)
            continue;
        buffer->unhashed = false;
        freed |= settle(buffers, buffer);
    }
    unlock(buffers, freed);
}
