/* fetch/task.h -- one segment in a rank's hands, from the grant until it is reported.
 *
 *     WAITING   granted; no transfer yet
 *     FETCHING  bytes come in. Small files collect in memory. Others go through two
 * buffers of the slot: while a pool thread writes one, the socket fills the other; when
 * both are full the transfer pauses DRAINING  all bytes are here, the last ones are being
 * written SPARE     a duplicate that is whole and waits for ADOPT or CANCEL SETTLING  a
 * pool thread moves it to its place, and hashes it if it is a whole file LANDED reported
 * as soon as the turn ends DROPPED   cancelled or failed; freed once no pool thread has
 * it
 *
 * All calls on the main thread except task_settle's job. */
#ifndef FETCH_TASK_H
#define FETCH_TASK_H

#include "core/sched/rate.h"
#include "fetch/store.h"
#include "io/http/http.h"
#include "io/pool.h"
#include "io/sha256.h"

enum { TASK_BUFFER = 512 << 10 };

enum task_state {
    TASK_WAITING,
    TASK_FETCHING,
    TASK_DRAINING,
    TASK_SPARE,
    TASK_SETTLING,
    TASK_LANDED,
    TASK_DROPPED
};

struct task;

/* One write on its way to the disk. */
struct task_chunk {
    struct job job;
    struct task *task;
    char *bytes; /* TASK_BUFFER of them; the slot's own */
    size_t len;
    uint64_t at; /* in the home file */
    bool busy;
};

/* What one transfer at a time needs; made once, used by one task after the other. */
struct task_slot {
    unsigned number;
    bool taken;
    struct task_chunk chunk[2];
};

/* What all tasks of a rank share. */
struct task_world {
    struct run *run;
    struct store *store;
    struct http *http;
    struct pool *pool;
    struct rate *rate;
};

struct task {
    struct task *next;
    struct task_world *world;
    uint32_t segment, file;
    enum task_state state;
    bool duplicate, unit, small, paused, cancelled;
    bool throttled;         /* paused, and by the rate limit */
    bool resting;           /* FETCHING without a transfer: see task_go_on */
    bool reported;          /* SPARE: the coordinator knows */
    bool held;              /* a former run left it: checked instead of fetched */
    unsigned layer;         /* held: where, see store_recheck */
    uint64_t checksum;      /* of the segment: held, or once it has settled */
    char *url;              /* place from the coordinator, or NULL: the plan's own */
    uint32_t generation;    /* of that place */
    struct task_slot *slot; /* while FETCHING and DRAINING */
    struct http_transfer *transfer;
    uint64_t got, got_before; /* bytes; before the present try */
    unsigned futile;          /* tries in a row that brought next to nothing */
    unsigned filling;         /* which chunk of the slot */
    double began;             /* clock_now at the first try */
    int fd;
    char *path;      /* home */
    uint64_t offset; /* of the segment in the home */
    struct checksum *sum;
    char *body; /* small: the whole file */
    struct job job;
    uint8_t sha256[32];
    bool hashed, bad; /* sha256 holds the file's digest; it is not the planned one */
    struct outcome outcome; /* DROPPED by failure: why */
    struct err err;
};

int task_slot_init(struct task_slot *slot, unsigned number, struct err *err);
void task_slot_release(struct task_slot *slot);

struct task *task_create(struct task_world *world, uint32_t segment, bool duplicate,
                         struct err *err);
/* What a dropped task has open. -1: others have written into that file as well, and what
 * they wrote may be lost. */
int task_close(struct task *task, struct err *err);

/* Not while pool or http have it: see task_idle. */
void task_destroy(struct task *task);
bool task_idle(const struct task *task);

/* WAITING -> FETCHING. */
int task_begin(struct task *task, struct task_slot *slot, struct err *err);

/* Bytes of its segment. */
uint64_t task_size(const struct task *task);

/* The transfer has ended: DRAINING; resting, if the rest is worth a request of its own;
 * or DROPPED with task->outcome and task->err. */
void task_reply(struct task *task, const struct http_response *response);

/* A task that rests asks for the rest. Apart, so that it does so in no pause that the
 * source has asked for. */
int task_go_on(struct task *task, struct err *err);

/* A chunk is written or a settle job is back. -1: this rank cannot go on (task->job.err).
 */
int task_written(struct task_chunk *chunk, struct err *err);
int task_settled(struct task *task, struct err *err);

/* SPARE or drained -> SETTLING. */
void task_settle(struct task *task);

/* Drop it, whatever it does. */
void task_cancel(struct task *task);

/* Ask a paused transfer again. */
void task_resume(struct task *task);

#endif
