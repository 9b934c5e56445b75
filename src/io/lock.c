#include "io/lock.h"

void lock_init(struct lock *lock)
{
    pthread_mutex_init(&lock->mutex, NULL);
    pthread_cond_init(&lock->changed, NULL);
}

void lock_destroy(struct lock *lock)
{
    pthread_cond_destroy(&lock->changed);
    pthread_mutex_destroy(&lock->mutex);
}

void lock_take(struct lock *lock)
{
    pthread_mutex_lock(&lock->mutex);
}

void lock_leave(struct lock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
}

void lock_wait(struct lock *lock)
{
    pthread_cond_wait(&lock->changed, &lock->mutex);
}

void lock_tell(struct lock *lock)
{
    pthread_cond_broadcast(&lock->changed);
}
