/* fetch/transfer.h -- what brings the bytes of a task over HTTP: one request, and others
 * for the rest while they are worth it, through the buffers of a slot into its home.
 *
 * Life cycle   transfer_begin; transfer_reply for each response; transfer_go_on while the
 *              task is RESTING. A task that has all bytes goes on to SPARE or LANDING by
 *              itself once they are written, else it is FAILED.
 * Threads      all calls on the main thread; what it writes it writes on the pool. */
#ifndef FETCH_TRANSFER_H
#define FETCH_TRANSFER_H

#include "fetch/task.h"

/* WAITING -> FETCHING, for a task with a slot. */
int transfer_begin(struct task *task, struct err *err);

/* The request has ended. */
int transfer_reply(struct task *task, const struct http_response *response,
                   struct err *err);

/* RESTING -> FETCHING: request the rest. Separate from transfer_reply, so that no task
 * does so during a pause that the source asked for. */
int transfer_go_on(struct task *task, struct err *err);

/* Let a paused transfer continue if it may. */
void transfer_resume(struct task *task);

#endif
