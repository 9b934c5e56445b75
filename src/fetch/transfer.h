/* fetch/transfer.h -- what brings the bytes of a task over HTTP: one request, and others
 * for the rest while they are worth it, through the rank's buffers into its home.
 *
 * Life cycle   transfer_begin; transfer_reply for each response; transfer_go_on while the
 *              task is RESTING. A task that has all bytes goes on to LANDING by itself
 *              once they are written, else it is FAILED.
 * Cuts         the coordinator gives the end of a task to somebody else: transfer_keeps
 *              says where that can begin, transfer_cut lets go of it, transfer_end_cut
 *              ends the transfer there.
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

/* Break off: RESTING. Only if task_may_break. */
void transfer_break(struct task *task);

/* Whether bytes are still to come. */
bool transfer_may_cut(const struct task *task);

/* How many of its segments, no less than keep, it is to keep: those that it has all bytes
 * of. 0: it is to be cancelled. A task with a slot or without. */
uint32_t transfer_keeps(const struct task *task, uint32_t keep);

/* It has so many segments from here on, at least one. Not *untouched: bytes of the others may
 * have been written to their place, so they are let go only by reporting that it has
 * landed, which follows by itself. */
int transfer_cut(struct task *task, uint32_t keep, bool *untouched, struct err *err);

/* If a task that was cut has all its bytes while others are still coming: DRAINING. */
int transfer_end_cut(struct task *task, struct err *err);

/* Let a paused transfer continue if it may. */
void transfer_resume(struct task *task);

#endif
