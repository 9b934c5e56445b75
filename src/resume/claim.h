/* resume/claim.h -- which run may build in a staging, without locks. Rank 0. How a
 * run leaves it is in resume/release.h.
 *
 *     PARENT/PREFIX<id>/        the content that is being staged; 16 hex digits
 *         run-XXXXXX/           the run that has it: run->staging.path
 *             owner             its processes (core/state/owner.h)
 *             beat              a number that grows while it lives (io/heartbeat.h)
 *             released          it has ended and left this for the next one
 *             tree spare        staging/staging.h
 *             journal/<rank>    what lies in tree (core/state/journal_line.h)
 *             commit            the visible step may have happened (resume/leftovers.h)
 *             kept              what other runs left (resume/kept.h)
 *     PARENT/PREFIXXXXXXX/      the same before it has won its name
 *
 * A run prepares its own directory and renames it to PREFIX<id>. rename(2) replaces
 * nothing but an empty directory, so of several runs one wins, and the others find out
 * whom they wait for. What a dead run leaves is taken away by renaming its run-XXXXXX: a
 * name that no other run ever had, so only one can win it, and only from that one. Then
 * PREFIX<id> is empty, for the next to win.
 *
 * A run is certainly gone if it said so (released) or its processes are known to be gone;
 * otherwise it counts as dead once its number has not grown for 30 s by the clock of the
 * one who waits. It may only have been frozen: it will find its own paths gone, and what
 * is open to it is never written by anybody else. */
#ifndef RESUME_CLAIM_H
#define RESUME_CLAIM_H

#include "ranks/run.h"

/* 0: run->staging.path, tree and spare are made and this run's own. 1: another run had this
 * content in hand, and does not any more: look again at what is published. -1: an error,
 * or a signal. Waits for as long as another run is at it. id: 16 hex digits or more. */
int claim_take(struct run *run, const char *parent, const char *prefix, const char *id,
               struct err *err);

/* Another run has taken the staging away, so this one must stop: -1 and ERR_INTERRUPTED.
 */
int claim_check(const struct run *run, struct err *err);

/* The same, by a look at the file system: before a step that cannot be taken back. */
int claim_confirm(const struct run *run, struct err *err);

/* Replace an error that only shows that the staging was taken away. */
void claim_explain(const struct run *run, struct err *err);

#endif
