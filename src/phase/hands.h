/* phase/hands.h -- all tasks that a rank has in hand, and the slots they run in. */
#ifndef PHASE_HANDS_H
#define PHASE_HANDS_H

#include "phase/outbox.h"
#include "phase/place.h"

enum { HANDS_TOUCHED = 64 }; /* files up to which each is synced by itself */

struct hands {
    struct task_world world;
    struct outbox *outbox;
    struct places places;
    struct task_slot *slots;
    struct task *first, **last; /* in the order of their grants */
    uint32_t waiting;           /* of them: not begun */
    unsigned turn;              /* whose turn it is when a rate limit holds all back */
    uint32_t settling;          /* of them: the disk is behind */
    uint8_t *is_touched;        /* a bit for each file: written here, for the sync */
    uint32_t *touched;          /* the same as a list */
    uint32_t ntouched, room;
};

int hands_open(struct hands *hands, const struct task_world *world, struct outbox *outbox,
               struct err *err);
/* Once http and pool have let go of all tasks. */
void hands_release(struct hands *hands);

/* Orders of the coordinator. */
int hands_grant(struct hands *hands, const struct msg *msg, struct err *err);
int hands_duplicate(struct hands *hands, uint32_t segment, struct err *err);
void hands_cancel(struct hands *hands, uint32_t segment);
void hands_take_back(struct hands *hands, uint32_t segment);
int hands_adopt(struct hands *hands, uint32_t segment, struct err *err);
void hands_drop_all(struct hands *hands);

/* Fill the free slots, and let tasks that rest go on. *moved is set if a transfer began.
 */
int hands_begin(struct hands *hands, bool *moved, struct err *err);

/* Wake transfers that the rate limit had paused, if bytes may move again. */
void hands_resume(struct hands *hands);

/* Report and free what is over. */
int hands_sweep(struct hands *hands, struct err *err);

/* Whether the disk keeps up well enough to ask for more. */
bool hands_room(const struct hands *hands);

/* Whether a pool job is a write of one of the slots: then its owner is a task_chunk, else
 * a task. */
bool hands_is_write(const struct hands *hands, const struct job *job);

/* Wait until the disk has what was written here. */
int hands_sync(const struct hands *hands, struct err *err);

#endif
