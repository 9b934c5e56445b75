/* resume/kept.h -- what dead runs left, however many there were: one directory in the
 * staging of the run that took it over. Rank 0.
 *
 *     kept/tree        files, each under its name
 *     kept/more/<n>    the same, of names that are in tree already
 *     kept/journal     what of both had been fetched; a line says in which of them
 *     kept/released    nobody can have a file of tree open for writing any more
 *
 * A dead run's directory is renamed to run-XXXXXX in the staging first, which only one can
 * win, and then to kept. Where kept is there already, or that run has one itself, two are
 * folded into one: files are renamed, then the lines of one are added to the journal of
 * the other, then what is left is removed. A run that is killed in between leaves it to
 * the next one, which does the same again and comes to the same end.
 *
 * Files of a run that may still write never come into the tree of one that can't: then the
 * whole tree goes to more. A line is about the file in its own more/<n>; where that is
 * missing, a later run had renamed it into its tree, so it is in the next lower more that
 * has it, or in tree. */
#ifndef RESUME_KEPT_H
#define RESUME_KEPT_H

#include "ranks/run.h"

/* Take over run-XXXXXX of a dead run; gone: it is certain that it is. 1: somebody was
 * faster. */
int kept_take(struct run *run, const char *other, bool gone, struct err *err);

/* Whether anything was taken over. */
bool kept_is_there(const struct run *run);

/* The numbers in more of such a directory, the largest first, to be freed. */
struct kept_more {
    uint32_t *number;
    size_t count;
};
int kept_list_more(const char *kept, struct kept_more *more, struct err *err);

#endif
