/* fetch/tasks.h -- all tasks of a rank, and the slots they run in.
 *
 * Life cycle   tasks_open; orders of the coordinator as they come; each turn tasks_begin,
 *              tasks_resume, and at its end tasks_sweep, which reports what is over;
 *              tasks_release. */
#ifndef FETCH_TASKS_H
#define FETCH_TASKS_H

#include "fetch/outbox.h"
#include "fetch/signed_url.h"
#include "fetch/speeds.h"

struct tasks {
    struct task_world world;
    struct outbox *outbox;
    struct signed_urls urls;
    struct speeds speeds;
    struct task_slot *slots;
    unsigned most;              /* transfers at a time, as rank 0 wants it */
    struct task *first, **last; /* in the order of their grants */
    uint32_t waiting;           /* of them: not begun */
    unsigned turn;              /* which task resumes next under a rate limit */
    uint32_t landing;           /* of them: the disk is behind */
};

int tasks_open(struct tasks *tasks, const struct task_world *world, struct outbox *outbox,
               struct err *err);
/* After the HTTP engine and the pool are destroyed. */
void tasks_release(struct tasks *tasks);

/* Orders of the coordinator. */
int tasks_grant(struct tasks *tasks, const struct msg *msg, struct err *err);
int tasks_take_back(struct tasks *tasks, uint32_t segment, struct err *err);
int tasks_cut(struct tasks *tasks, uint32_t segment, uint32_t keep, struct err *err);
void tasks_drop_all(struct tasks *tasks);

/* So many transfers at a time from now on. at_once: what is running beyond that breaks off;
 * it goes on where it stood as soon as others end. */
void tasks_limit(struct tasks *tasks, unsigned most, bool at_once);

/* The connection of that segment is slow: the rest is to come over a new one. If there is
 * next to no rest the connection is closed after it. */
void tasks_renew(struct tasks *tasks, uint32_t segment);

/* Fill the free slots, and let RESTING tasks continue. *moved is set if one began. */
int tasks_begin(struct tasks *tasks, bool *moved, struct err *err);

/* Wake transfers that paused for memory or for the rate limit, if bytes may move again. */
void tasks_resume(struct tasks *tasks);

/* End transfers of tasks that were cut; report and free what is over. */
int tasks_sweep(struct tasks *tasks, struct err *err);

/* Whether the disk keeps up well enough to ask for more. */
bool tasks_room(const struct tasks *tasks);

#endif
