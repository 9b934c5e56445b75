/* fetch/task.h -- neighbouring segments of a file that this rank was granted, until their
 * end is reported.
 *
 *     WAITING     granted; no slot yet
 *
 *     FETCHING    bytes come in. Small files collect in memory. Others go through the
 *                 rank's buffers: a pool thread writes one, the socket fills the next
 *     FULL        the transfer pauses: there is no buffer for it
 *     THROTTLED   the transfer pauses: the rate limit holds it back
 *     RESTING     the transfer broke off; the rest is asked for once no pause holds
 *     DRAINING    all bytes are here, the last ones are being written
 *
 *     LANDING     a pool thread brings it to its final path, and hashes it if it is a
 *                 whole file; what is on a disk already it first reads or checks
 *     RECALLED    the same, told to stop. The pool ends what it has begun: CANCELLED if
 *                 that fails, else LANDED all the same
 *
 *     LANDED      reported as soon as the turn ends
 *     FAILED      reported once no pool thread has it: outcome and err say why
 *     CANCELLED   reported once no pool thread has it
 *
 * The coordinator may take segments from its end away (fetch/transfer.h).
 *
 * Life cycle   task_create; a slot (task_take_slot), with which fetch/transfer.h or
 *              fetch/landing.h begins; task_destroy once task_idle.
 * Threads      all calls on the main thread. While a job of the task is on the pool, the
 *              job alone uses home, fd, direct, body and what it fills in; also the checksum, if
 *              it reads what it sums (fetch/local.h). Of what a transfer brings the main
 *              thread sums it, also while a job writes. */
#ifndef FETCH_TASK_H
#define FETCH_TASK_H

#include "core/sched/rate.h"
#include "core/sched/spill.h"
#include "fetch/ahead.h"
#include "fetch/segment_sums.h"
#include "fetch/syncing.h"
#include "io/http/http.h"
#include "io/pool.h"
#include "io/sha256.h"

enum task_state {
    TASK_WAITING,
    TASK_FETCHING,
    TASK_FULL,
    TASK_THROTTLED,
    TASK_RESTING,
    TASK_DRAINING,
    TASK_LANDING,
    TASK_RECALLED,
    TASK_LANDED,
    TASK_FAILED,
    TASK_CANCELLED,
    TASK_STATES
};

struct batches;
struct task;

/* One transfer at a time. */
struct task_slot {
    unsigned number;
    bool taken;
};

/* What all tasks of a rank share. */
struct task_world {
    struct run *run;
    struct store *store;
    struct http *http;
    struct pool *pool;
    struct rate *rate;
    struct syncing *syncing;
    struct batches *batches; /* fetch/batch.h */
    struct speeds *speeds;
    struct buffers *buffers;
    struct ahead *ahead;
    struct spill *spill;
    struct origins *origins;
};

struct task {
    struct task *next;
    struct task_world *world;
    uint32_t segment, count, file; /* the first segment, and how many */
    enum task_state state;         /* by task_enter alone */
    bool cut;                      /* count is less than was asked for */
    bool unit;                     /* counts against the credit of this rank */
    bool small;                    /* a whole file that fits in memory */
    bool held;                     /* a former run left it: checked instead of fetched */
    bool nearby;                   /* read from run->nearby instead of asked for */
    bool fresh;          /* only on new connections: one led to a node that lags behind */
    bool moves;          /* held: the file may become this run's own */
    uint32_t where;      /* held: see store_recheck */
    uint64_t checksum;   /* of all of it: held, or once it has landed */
    char *url;           /* signed URL from the coordinator, or NULL: the plan's own */
    uint32_t generation; /* of that URL */
    struct task_slot *slot;
    struct http_transfer *transfer;
    uint64_t got, got_before; /* bytes; before the present try */
    unsigned port;            /* local, of the try's connection; 0: not known yet */
    bool answered;            /* the present try has brought a byte */
    bool renew;               /* the next try is to come over a new connection */
    bool waited;              /* for us, since it was last counted */
    double counted_at;        /* until then its bytes are counted: see fetch/speeds.h */
    uint64_t counted;
    uint32_t source; /* a number for scheme, host and port of the try */
    uint64_t rate;   /* of its connection, and for how long that is known */
    double seconds;
    unsigned futile;                /* attempts in a row that brought next to nothing */
    double began;                   /* clock_now at the first try */
    struct buffer *filling, *spare; /* buffers: the one that is being filled; more */
    struct buffer *full, **last;    /* those that are to be written, in order */
    unsigned unwritten;             /* how many these are, */
    bool writing;                   /* and whether the first is on the pool */
    bool hashed_here;               /* its buffers are kept to be hashed */
    double full_since;              /* FULL: clock_now when that began */
    int fd;
    bool direct; /* fd: past the page cache */
    struct store_place home;
    struct checksum *sum;
    struct segment_sums sums; /* of each segment, where others need them */
    uint64_t summed;          /* bytes that are in sum */
    uint64_t mark;            /* what sum was where the last segment ended */
    char *body;               /* small: the whole file */
    struct batch *batch;      /* that has the job, or NULL */
    struct job job;
    uint8_t sha256[32];
    bool hashed, bad; /* sha256 holds the file's digest; it is not the planned one */
    struct outcome outcome; /* FAILED: why */
    struct err err;
};

struct task *task_create(struct task_world *world, uint32_t segment, uint32_t count,
                         struct err *err);
/* Close the file of a dropped task. -1: the close failed, and what other tasks have
 * written to that file may be lost as well. */
int task_close(struct task *task, struct err *err);

/* Not while it has a job or a transfer: see task_idle. */
void task_destroy(struct task *task);
bool task_idle(const struct task *task);

/* The table of allowed transitions; and the only function that changes the state, which
 * aborts the program if the transition is not allowed. */
bool task_may_follow(enum task_state state, enum task_state next);
void task_enter(struct task *task, enum task_state next);

/* One of several states. */
bool task_is_fetching(const struct task *task); /* has a slot for what comes in */
bool task_is_paused(const struct task *task);   /* FULL, THROTTLED */
bool task_is_landing(const struct task *task);  /* LANDING, RECALLED */
bool task_is_recalled(const struct task *task); /* RECALLED, CANCELLED */

/* The bytes of its segments, and how many they are. */
struct range task_range(const struct task *task);
uint64_t task_size(const struct task *task);

/* Compare sha256, which is known now, or the other digest with what the source has
 * announced. */
void task_judge(struct task *task, const uint8_t sha1[20]);

/* WAITING: a transfer or a read may begin. */
void task_take_slot(struct task *task, struct task_slot *slot);
void task_leave_slot(struct task *task);

/* Give back the buffers that are not on the pool. */
void task_drop_buffers(struct task *task);

/* Memory or a home for the bytes that are about to come in. */
int task_make_room(struct task *task, struct err *err);

/* The next bytes into the checksum, by one thread at a time; and that of the task, which may
 * have been cut since then. */
void task_sum(struct task *task, const void *bytes, size_t len);
uint64_t task_checksum(const struct task *task);

/* On a pool thread: the next bytes, which belong at `at` in the task, into the home. */
int task_write(struct task *task, const void *bytes, size_t len, uint64_t at,
               struct err *err);

/* Whether its transfer may break off and go on where it stood. */
bool task_may_break(const struct task *task);

/* FAILED; or CANCELLED, if it was told to stop. */
void task_fail(struct task *task, const struct outcome *outcome, const struct err *why);

/* CANCELLED or RECALLED, from any state; an ended task stays as it is. */
void task_cancel(struct task *task);

#endif
