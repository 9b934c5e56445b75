/* core/state/owner.h -- who owns a staging: every process of a run, and the batch job it runs
 * in, as text. And whether all of that is certainly gone.
 *
 *     mpifetch owner 1
 *     process HOST BOOT SPACE PID START     one line a rank
 *     job CLUSTER ID RESTART                under Slurm
 *     end
 *
 * "Certainly" is what the next run acts upon: files of an owner that may only be frozen
 * are copied, those of one that is gone are taken over as they are. */
#ifndef CORE_STATE_OWNER_H
#define CORE_STATE_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

enum { OWNER_WORD = 65 };

/* A process, to be known again: numbers of processes are used anew, also by another
 * kernel or in another container. Words have no blanks and are never empty. */
struct owner_process {
    char host[OWNER_WORD];  /* for people */
    char boot[OWNER_WORD];  /* this start of the kernel */
    char space[OWNER_WORD]; /* the process name space */
    uint64_t pid, start;    /* start: in ticks since boot */
};

/* A batch job. id 0: none. */
struct owner_job {
    char cluster[OWNER_WORD];
    uint64_t id, restart; /* restart: how often it was requeued */
};

/* Append. What is between owner_begin and owner_end are lines of owner_add_*. */
void owner_begin(struct strbuf *text);
void owner_add_process(struct strbuf *text, const struct owner_process *process);
void owner_add_job(struct strbuf *text, const struct owner_job *job);
void owner_end(struct strbuf *text);

/* What the one who asks knows. */
struct owner_view {
    struct owner_process here; /* pid and start do not count */
    struct owner_job job;
    bool (*lives)(void *arg, uint64_t pid, uint64_t start);
    void *arg;
};

/* true only if the text is whole, each process ran under this kernel and in this name
 * space, and none lives. */
bool owner_is_gone(const char *text, const struct owner_view *view);

/* Whether it is the asker's own job, before it was requeued. Slurm has then given up all
 * that ran in it; a node that does not answer may still be writing. */
bool owner_is_requeued(const char *text, const struct owner_view *view);

/* The host of the first process, for a sentence; "" if there is none. */
void owner_host(const char *text, char host[OWNER_WORD]);

#endif
