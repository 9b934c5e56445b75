/* resume/leftovers.h -- removing a staging that nobody needs any more, without removing
 * anybody's work.
 *
 * The visible step of an update puts what DEST was into staging. Its file `commit`,
 * written before, says that this may have happened; whether it has is told by the
 * manifest in tree: one that the run of that staging did not write is what DEST was. That
 * tree may hold files which somebody put into DEST at the last moment.
 *
 * Where DEST is to become a symlink, tree goes to .NAME.versions first. As long as the
 * symlink, `link`, is still in staging, nobody was ever led to that version. */
#ifndef RESUME_LEFTOVERS_H
#define RESUME_LEFTOVERS_H

#include "ranks/run.h"

/* Before the step. */
int leftovers_mark(const struct run *run, struct err *err);

/* Whether tree in a staging is what its run was building, not what DEST was. A tree that
 * lay among the versions and was not shown yet is put back into staging first; a mark
 * goes, since the step was not taken and can't be any more. Nobody else may use the
 * staging. */
bool leftovers_reclaim(const char *dest, const char *staging);

struct leftovers_removal {
    struct run *run; /* which removes it */
    const char *dest;
    bool to_the_end; /* else it ends where background_poll says so */
};

/* Remove a staging, and what runs left inside it (resume/kept.h). An old tree with files
 * that no run put there is moved to PARENT/.NAME.kept-XXXXXX beside dest, and a warning
 * says so. false: some of it is still there, and so is its owner. */
bool leftovers_remove(const struct leftovers_removal *removal, const char *staging);

/* Whether the run that made a version of dest still has a staging: it may be about to
 * lead readers there. */
bool leftovers_may_be_shown(const char *dest, const char *version);

#endif
