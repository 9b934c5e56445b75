/* fetch/landing.h -- the end of a task, on pool threads: its bytes are moved to their
 * final path, hashed if they are a whole file, and recorded in the journal. Bytes that
 * are on a disk already are first read, checked or hashed there.
 *
 * Life cycle   landing_begin or landing_begin_local puts a task into LANDING; it becomes
 *              LANDED, FAILED or CANCELLED when the pool is reaped.
 * Errors       of the source (it changed, or what a former run left is not what it was)
 *              fail the task; others are those of pool_reap. */
#ifndef FETCH_LANDING_H
#define FETCH_LANDING_H

#include "fetch/task.h"

/* All bytes are in the home, or in memory: a small file lands with others in a batch. */
int landing_begin(struct task *task, struct err *err);

/* Whether no request is needed: existing files are hashed, a former run left the segment,
 * or the source is a file system. */
bool landing_is_local(const struct task *task);

/* Not a small file that a former run left: many of them are checked in one job. */
bool landing_needs_slot(const struct task *task);

/* WAITING -> LANDING for a local task, which also reads its bytes. */
int landing_begin_local(struct task *task, struct err *err);

#endif
