/* io/process.h -- this process among others: how it can be known again, and whether one
 * that was noted down still lives. */
#ifndef IO_PROCESS_H
#define IO_PROCESS_H

#include "base/err.h"
#include "core/state/owner.h"

/* What cannot be found out is "-" or 0, and equals nothing that owner_is_gone believes.
 */
void process_here(struct owner_process *process);

/* A file `owner` in dir that names one process, this one or the one that started it, for
 * whoever finds dir later. */
int process_sign(const char *dir, bool parent, struct err *err);

/* The Slurm job that this process belongs to; id 0: none. */
void process_job(struct owner_job *job);

/* Whether that process of this name space has not ended. A number that somebody else has
 * by now is told by its start. arg is not used. */
bool process_lives(void *arg, uint64_t pid, uint64_t start);

#endif
