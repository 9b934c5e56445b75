/* core/state/owner.h -- who owns a staging directory: every process of a run and its
 * batch job, as text; and whether all of them are certainly gone.
 *
 *     mpifetch owner 1
 *     process HOST BOOT SPACE PID START     one line per rank
 *     job CLUSTER ID RESTART                under Slurm
 *     end
 *
 * The next run relies on "certainly": files of an owner that may only be frozen are
 * copied, those of an owner that is gone are taken over by renaming. */
#ifndef CORE_STATE_OWNER_H
#define CORE_STATE_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

enum { OWNER_WORD = 65 };

/* Identifies a process. The pid alone is not enough: pids are reused, and other hosts,
 * boots, copies of a virtual machine and containers have the same ones. Words have no
 * blanks and are never empty; "-" is unknown. */
struct owner_process {
    char host[OWNER_WORD];
    char boot[OWNER_WORD];  /* this start of the kernel, on this hardware */
    char space[OWNER_WORD]; /* the name spaces in which pid and start have a meaning */
    uint64_t pid, start;    /* start: in ticks since boot */
};

/* A batch job. id 0: none. */
struct owner_job {
    char cluster[OWNER_WORD];
    uint64_t id, restart; /* restart: how often it was requeued */
};

/* All append to text: owner_begin, then owner_add_* for each line, then owner_end. */
void owner_begin(struct strbuf *text);
void owner_add_process(struct strbuf *text, const struct owner_process *process);
void owner_add_job(struct strbuf *text, const struct owner_job *job);
void owner_end(struct strbuf *text);

/* What the asking process knows of itself. */
struct owner_view {
    struct owner_process here; /* pid and start do not count */
    struct owner_job job;
    bool (*lives)(void *arg, uint64_t pid, uint64_t start);
    void *arg;
};

/* Whether the text is whole, and names a process. */
bool owner_is_whole(const char *text);

/* Whether it is such a text as far as it goes: somebody may not have come further. */
bool owner_is_begun(const char *text);

/* true only if it is whole, each process ran on this host, under this kernel and in these
 * name spaces, and none lives. */
bool owner_is_gone(const char *text, const struct owner_view *view);

/* Whether it is the asker's own batch job, before it was requeued. Slurm then considers
 * all its processes ended, but a node that does not respond may still be writing. */
bool owner_is_requeued(const char *text, const struct owner_view *view);

/* The host of the first process, for a sentence; "" if there is none. */
void owner_host(const char *text, char host[OWNER_WORD]);

#endif
