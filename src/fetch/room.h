/* fetch/room.h -- which of a rank's buffers the next bytes of a transfer come into, and how
 * long it waits for one. Nobody waits without end for bytes that are on the disk already to
 * be hashed, whoever is to hash them: they can be read again. So what a transfer waits for
 * is at last the disk alone.
 *
 * Threads      all calls on the main thread. */
#ifndef FETCH_ROOM_H
#define FETCH_ROOM_H

#include "fetch/task.h"

/* Buffers for so many bytes more, at most BUFFER_SIZE. */
bool room_is_there(struct task *task, size_t len);

/* FULL, and not for its own writes; and for so long that it takes any buffer. */
bool room_is_wanted(const struct task *task);
bool room_is_urgent(const struct task *task, double now);

/* Get a buffer for a task that wants one: that of bytes that are on the disk, if they are
 * hashed later and it is hashed next; of any but the next ones if `spilling`; of any if it
 * is urgent. false: there is none. */
bool room_get(struct task *task, bool spilling);

#endif
