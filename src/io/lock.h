/* io/lock.h -- mutual exclusion between the threads of a rank, with a condition to wait
 * for. Held for a few instructions, never while anything outside is called. */
#ifndef IO_LOCK_H
#define IO_LOCK_H

#include <pthread.h>

struct lock {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

void lock_init(struct lock *lock);
void lock_destroy(struct lock *lock);

void lock_take(struct lock *lock);
void lock_leave(struct lock *lock);

/* While it is held: wait until another thread calls lock_tell. The caller looks again at
 * what it waits for, since this may also return for no reason. */
void lock_wait(struct lock *lock);
void lock_tell(struct lock *lock);

#endif
