/* fetch/buffers.h -- the memory that the large segments of a rank come through. A buffer is
 * filled from a socket, written to the disk, and hashed; in between it is kept as long as
 * there are others, so that what is hashed soon need not be read again.
 *
 *     free -> buffers_take -> buffers_file, which makes it known by file and place
 *          -> buffers_written, and buffers_hold and buffers_hashed, in any order -> free
 *
 * Life cycle   buffers_open; buffers_mute once there is no main thread to wake;
 *              buffers_release.
 * Threads      buffers_take and buffers_reclaim on the main thread, the others on any. */
#ifndef FETCH_BUFFERS_H
#define FETCH_BUFFERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "io/lock.h"
#include "io/pool.h"

enum { BUFFER_SIZE = 512 << 10 };

struct task;

struct buffer {
    struct buffer *next; /* free ones; else as the task that fills it likes */
    char *bytes;         /* BUFFER_SIZE of them, for direct I/O */
    size_t len;
    uint32_t file;
    uint64_t at;                           /* in the file */
    bool filed, unwritten, unhashed, held; /* the buffers' own */
    struct job job;                        /* to write it */
    struct task *task;
};

struct buffers {
    struct lock lock; /* of the buffers' states, and of the list of free ones */
    char *memory;
    struct buffer *buffer, *free;
    uint32_t count, nfree, idle; /* idle: of the free ones, not given out */
    atomic_bool missed;          /* somebody found too few: wake when one is free */
    void (*wake)(void *arg);     /* on any thread */
    void *arg;
    bool muted; /* wakes nobody */
};

/* slots: transfers at a time, at the most. Each of them gets two whatever the others do. */
int buffers_open(struct buffers *buffers, unsigned slots, void (*wake)(void *arg),
                 void *arg, struct err *err);
void buffers_mute(struct buffers *buffers);
void buffers_release(struct buffers *buffers);

/* So many transfers at a time from here on: the memory of the others stays untouched. */
void buffers_limit(struct buffers *buffers, unsigned slots);

/* An empty one, if more than `reserve` are free; or NULL, and then the next one that is
 * freed wakes the main thread. */
struct buffer *buffers_take(struct buffers *buffers, uint32_t reserve);
/* The same, if any is free, that of others included. */
struct buffer *buffers_take_any(struct buffers *buffers);
/* Somebody has found too few, and some are only kept to be hashed. */
bool buffers_wait_for_hash(struct buffers *buffers);

/* How many buffers lie between that place of a file and the first one of it that is to be
 * hashed: 0 if none is before. */
uint32_t buffers_distance(struct buffers *buffers, uint32_t file, uint64_t at);

/* Free the one that is on the disk and has the largest distance, which must be at least
 * that. false: there is none. */
bool buffers_reclaim(struct buffers *buffers, uint64_t least);

/* It is full, or holds the end of what is asked for: to be written, and hashed as well? */
void buffers_file(struct buffers *buffers, struct buffer *buffer, bool hashed);
void buffers_written(struct buffers *buffers, struct buffer *buffer);

/* What holds a file from that place on, to be hashed; NULL: it is not in memory. It
 * stays until buffers_hashed. */
struct buffer *buffers_hold(struct buffers *buffers, uint32_t file, uint64_t at);
void buffers_hashed(struct buffers *buffers, struct buffer *buffer);
/* The next place of a file that is in memory, or end. */
uint64_t buffers_next(struct buffers *buffers, uint32_t file, uint64_t at, uint64_t end);

/* What a buffer holds, which nobody writes, need not be written nor hashed; what begins in
 * [from, to) of a file need not be hashed. */
void buffers_drop(struct buffers *buffers, struct buffer *buffer);
void buffers_forget(struct buffers *buffers, uint32_t file, uint64_t from, uint64_t to);

#endif
