/* fetch/tasks.h -- all tasks of a rank, and the slots they run in.
 *
 * Life cycle   tasks_open; orders of the coordinator as they come; each turn tasks_begin,
 *              tasks_resume, and at its end tasks_sweep, which reports what is over;
 *              tasks_release. */
#ifndef FETCH_TASKS_H
#define FETCH_TASKS_H

#include "fetch/outbox.h"
#include "fetch/signed_url.h"

enum { TASKS_TOUCHED = 64 }; /* files up to which each is synced by itself */

struct tasks {
    struct task_world world;
    struct outbox *outbox;
    struct places places;
    struct task_slot *slots;
    struct task *first, **last; /* in the order of their grants */
    uint32_t waiting;           /* of them: not begun */
    unsigned turn;              /* whose turn it is when a rate limit holds all back */
    uint32_t landing;           /* of them: the disk is behind */
    uint8_t *is_touched;        /* a bit for each file: written here, for the sync */
    uint32_t *touched;          /* the same as a list */
    uint32_t ntouched, room;
};

int tasks_open(struct tasks *tasks, const struct task_world *world, struct outbox *outbox,
               struct err *err);
/* Once http and pool have let go of all tasks. */
void tasks_release(struct tasks *tasks);

/* Orders of the coordinator. */
int tasks_grant(struct tasks *tasks, const struct msg *msg, struct err *err);
int tasks_duplicate(struct tasks *tasks, uint32_t segment, struct err *err);
void tasks_cancel(struct tasks *tasks, uint32_t segment);
void tasks_take_back(struct tasks *tasks, uint32_t segment);
int tasks_adopt(struct tasks *tasks, uint32_t segment, struct err *err);
void tasks_drop_all(struct tasks *tasks);

/* Fill the free slots, and let tasks that rest go on. *moved is set if one began. */
int tasks_begin(struct tasks *tasks, bool *moved, struct err *err);

/* Wake transfers that the rate limit had paused, if bytes may move again. */
void tasks_resume(struct tasks *tasks);

/* Report and free what is over. */
int tasks_sweep(struct tasks *tasks, struct err *err);

/* Whether the disk keeps up well enough to ask for more. */
bool tasks_room(const struct tasks *tasks);

/* Wait until the disk has what was written here. */
int tasks_sync(const struct tasks *tasks, struct err *err);

#endif
