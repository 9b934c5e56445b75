/* io/process.h -- this process among others: how it is identified, and whether a process
 * that was recorded still lives. */
#ifndef IO_PROCESS_H
#define IO_PROCESS_H

#include "base/err.h"
#include "core/state/owner.h"
#include "io/fs/fs_dir.h"

/* What cannot be found out is "-" or 0, which owner_is_gone never accepts. */
void process_here(struct owner_process *process);

/* Write a file `owner` to a directory (io/fs/fs_dir.h) that names one process, this one or
 * its parent, for whoever finds the directory later. */
int process_sign(const struct fs_dir *in, const char *name, bool parent, struct err *err);

/* The umask of this process; and set, which returns the one before. */
unsigned process_umask(void);
unsigned process_set_umask(unsigned mask);

/* The Slurm job that this process belongs to; id 0: none. */
void process_job(struct owner_job *job);

/* Whether that process of this name space (core/state/owner.h) has not ended, or may not
 * have. A pid that was reused by another process is recognised by its start time. arg is
 * not used. */
bool process_lives(void *arg, uint64_t pid, uint64_t start);

#endif
