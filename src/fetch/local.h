/* fetch/local.h -- the bytes of a task from a file:// source, or from another directory that
 * has them: into its home, those of a small file into memory. On a pool thread.
 *
 * Errors       ERR_SOURCE if they cannot be read, or the file is not what it was when it was
 *              listed: before, or at any time while this reads it. */
#ifndef FETCH_LOCAL_H
#define FETCH_LOCAL_H

#include "fetch/task.h"

int local_read(struct task *task, struct err *err);

#endif
