/* resume/kept.h -- what dead runs left, however many there were: one directory in the
 * staging of the run that took it over. Rank 0.
 *
 *     kept/tree        files, each under its name
 *     kept/more/<n>    files whose names are in tree already
 *     kept/journal     which segments of both were fetched, and in which of them they are
 *     kept/released    nobody can have a file of tree open for writing any more
 *
 * The directory of a dead run is first renamed to run-XXXXXX in the staging, which only
 * one run can win, and then to kept. If kept exists already, or the dead run has one
 * itself, two are merged into one: files are renamed, then the lines of one are added to
 * the journal of the other, then the rest is removed. If a run is killed in between, the
 * next one repeats all steps and gets the same result.
 *
 * Files of a run that may still write never get into the tree of a run that cannot, nor
 * files of one of which a sync has failed: in that case the whole tree goes to more. A journal line is about the file in its own
 * more/<n>. If that is missing, a later run has renamed it into its tree, so the file is
 * in the next lower more that has it, or in tree. */
#ifndef RESUME_KEPT_H
#define RESUME_KEPT_H

#include "ranks/run.h"

/* Take over run-XXXXXX of a dead run. gone: it is certainly gone. 1: another
 * run was faster. */
int kept_take(struct run *run, const struct fs_dir *other, bool gone, struct err *err);

/* Whether anything was taken over that counts. */
bool kept_is_there(const struct run *run);

/* The numbers in more of such a directory, the largest first; to be freed. */
struct kept_more {
    uint32_t *number;
    size_t count;
};
int kept_list_more(const struct fs_dir *kept, struct kept_more *more, struct err *err);

#endif
