/* resume/claim.h -- which run may build in a staging directory, without locks. Rank 0.
 * How it leaves the staging is in resume/release.h.
 *
 *     PARENT/PREFIX<id>/        the content that is being staged; 16 hex digits
 *         run-XXXXXX/           the run that has it: run->staging.path
 *             owner             its processes (core/state/owner.h)
 *             beat              a number that grows while it lives (io/heartbeat.h)
 *             released          it has ended and left this for the next one
 *             tree              staging/staging.h
 *             journal/<rank>    which segments are in tree (core/state/journal_line.h)
 *             commit            the visible step may have happened (resume/leftovers.h)
 *             kept              what other runs left (resume/kept.h)
 *     PARENT/PREFIXXXXXXX/      the same before it has won its name
 *
 * A run prepares a directory of its own and renames it to PREFIX<id>. rename(2) replaces
 * nothing but an empty directory, so one of several runs wins, and the others learn for
 * whom they have to wait. The staging of a dead run is taken over by renaming its
 * run-XXXXXX: no other run ever had that name, so only one can succeed, and only with
 * that staging. Then PREFIX<id> is empty, for the next run to win.
 *
 * A run is certainly gone if it said so (released) or its processes are known to be gone.
 * Otherwise it is considered dead once its number has not grown for 30 s by the clock of
 * the run that waits. It may only have been frozen: when it continues, its paths are
 * gone, and nobody else ever writes to the files that it has open. */
#ifndef RESUME_CLAIM_H
#define RESUME_CLAIM_H

#include "ranks/run.h"

/* 0: run->staging.path, and tree exist and are this run's own. 1: another run was
 * staging this content and has ended: look again at what is published. -1: an error, or a
 * signal. run->staging.parent is open. Waits as long as another run is active, but not if
 * other nodes do the same (nodes_spread). id: 16 hex digits or more. */
int claim_take(struct run *run, const char *prefix, const char *id, struct err *err);

/* -1 and ERR_INTERRUPTED if another run has taken over the staging: this
 * one must stop. */
int claim_check(const struct run *run, struct err *err);

/* The same, but checks the file system: before a step that cannot be undone. */
int claim_confirm(const struct run *run, struct err *err);

/* Replace an error that is only a consequence of losing the staging to another run. */
void claim_explain(const struct run *run, struct err *err);

#endif
