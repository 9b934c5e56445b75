/* resume/claim.h -- which run may build in a staging, without locks. Rank 0. How one
 * gets it is in custody.c, how it ends in claim_leave.c.
 *
 *     PARENT/PREFIX<id>/        the content that is being staged; 16 hex digits
 *         run-XXXXXX/           the run that has it: run->staging.path
 *             owner             its processes (core/state/owner.h)
 *             beat              a number that grows while it lives (io/heartbeat.h)
 *             released          it has ended and left this for the next one
 *             tree spare        staging/staging.h
 *             journal/<rank>    what lies in tree (core/state/journal_line.h)
 *             commit            the visible step may have happened (resume/leftovers.h)
 *             old-1, old-2 ...  what other runs left, each a run-XXXXXX as above
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

enum { CLAIM_LAYERS = 8 }; /* most old-N that are looked at */

/* 0: run->staging.path, tree and spare are made and this run's own. 1: another run had this
 * content in hand, and does not any more: look again at what is published. -1: an error,
 * or a signal. Waits for as long as another run is at it. id: 16 hex digits or more. */
int claim_take(struct run *run, const char *parent, const char *prefix, const char *id,
               struct err *err);

/* The number of layers old-1 to old-N in run->staging.path, at most CLAIM_LAYERS. */
unsigned claim_layers(const struct run *run);

/* The run-XXXXXX in such a directory, to be freed; NULL: none, or *readable is false: it
 * is another user's, or may not be looked into. */
char *claim_occupant(const char *dir, bool *readable);

/* The name of a directory that claim_take makes: PREFIX and 6 or 16 characters. */
bool claim_is_name(const char *name, const char *prefix);

/* Another run has taken the staging away, so this one must stop: -1 and ERR_INTERRUPTED.
 */
int claim_check(const struct run *run, struct err *err);

/* The same, by a look at the file system: before a step that cannot be taken back. */
int claim_confirm(const struct run *run, struct err *err);

/* Replace an error that only shows that the staging was taken away. */
void claim_explain(const struct run *run, struct err *err);

/* What was fetched, if anything was, may be left for the next run. It is only kept, not
 * released, where a rank that is lost may still write. */
enum claim_end { CLAIM_REMOVE, CLAIM_KEEP, CLAIM_RELEASE };

/* At the end. Nothing happens where nothing was made, or where it was taken away. */
void claim_leave(struct run *run, enum claim_end end);

#endif
