/* phase/custody.h -- which run may build in a staging, without locks. Rank 0. How one
 * gets it is in custody.c, how it ends in custody_leave.c.
 *
 *     PARENT/PREFIX<id>/        the content that is being staged; 16 hex digits
 *         run-XXXXXX/           the run that has it: run->staging
 *             owner             its processes (core/owner.h)
 *             beat              a number that grows while it lives (io/beat.h)
 *             released          it has ended and left this for the next one
 *             tree spare        phase/staging.h
 *             journal/<rank>    what lies in tree (core/journal_line.h)
 *             commit            the visible step may have happened (phase/remains.h)
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
#ifndef PHASE_CUSTODY_H
#define PHASE_CUSTODY_H

#include "phase/run.h"

enum { CUSTODY_LAYERS = 8 }; /* most old-N that are looked at */

/* 0: run->staging, tree and spare are made and this run's own. 1: another run had this
 * content in hand, and does not any more: look again at what is published. -1: an error,
 * or a signal. Waits for as long as another run is at it. id: 16 hex digits or more. */
int custody_take(struct run *run, const char *parent, const char *prefix, const char *id,
                 struct err *err);

/* The number of layers old-1 to old-N in run->staging, at most CUSTODY_LAYERS. */
unsigned custody_layers(const struct run *run);

/* The run-XXXXXX in such a directory, to be freed; NULL: none, or *readable is false: it
 * is another user's, or may not be looked into. */
char *custody_occupant(const char *dir, bool *readable);

/* The name of a directory that custody_take makes: PREFIX and 6 or 16 characters. */
bool custody_is_name(const char *name, const char *prefix);

/* Another run has taken the staging away, so this one must stop: -1 and ERR_INTERRUPTED.
 */
int custody_check(const struct run *run, struct err *err);

/* The same, by a look at the file system: before a step that cannot be taken back. */
int custody_confirm(const struct run *run, struct err *err);

/* Replace an error that only shows that the staging was taken away. */
void custody_explain(const struct run *run, struct err *err);

/* At the end: keep for the next run what was fetched, if anything was, or remove all.
 * Every rank has stopped writing. Nothing happens where nothing was made, or where it was
 * taken away. */
void custody_leave(struct run *run, bool keep);

#endif
