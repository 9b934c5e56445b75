/* resume/leftovers.h -- removes a staging that nobody needs any more, without removing
 * anybody's work.
 *
 * The visible step of an update moves the previous DEST into staging. The file `commit`,
 * written before the step, says that it may have happened. Whether it has is decided by
 * the manifest in tree: if the run of that staging did not write it, tree is the previous
 * DEST. It may hold files that somebody put into DEST at the last moment.
 *
 * If DEST is to become a symlink, tree moves to .NAME.versions first. As long as the
 * symlink, `link`, is still in staging, no reader was led to that version. */
#ifndef RESUME_LEFTOVERS_H
#define RESUME_LEFTOVERS_H

#include "ranks/run.h"

/* Before the step. force: what it replaces may be removed, whoever created it. */
int leftovers_mark(const struct run *run, bool force, struct err *err);

/* Whether tree in a staging is what its run was building, not the previous DEST. A tree
 * that was among the versions but not visible yet is moved back into staging first; a
 * mark is removed, since the step was not taken and cannot be any more. Nobody else may
 * use the staging meanwhile. */
bool leftovers_reclaim(const struct fs_dir *parent, const char *dest,
                       const struct fs_dir *staging);

struct leftovers_removal {
    struct run *run;             /* which removes it */
    const struct fs_dir *parent; /* what dest lies in */
    const char *dest;
    bool to_the_end; /* else it stops when background_poll fails */
};

/* Remove a staging, and what runs left inside it (resume/kept.h). A previous DEST with
 * files that mpifetch did not create is moved to PARENT/.NAME.kept-XXXXXX beside dest,
 * with a warning. -1: some of it is still there, and so is its owner file; *err names the
 * first such thing, and why. All that can be removed is. */
int leftovers_remove(const struct leftovers_removal *removal,
                     const struct fs_dir *staging, struct err *err);

/* Whether that run still has a staging of dest; true as well if that cannot be found
 * out. */
bool leftovers_has_run(const struct fs_dir *parent, const char *dest, const char *run);

/* Whether a run of that staging's content could go on with what is in it: its visible step
 * was not taken, and something was fetched. */
bool leftovers_are_resumable(const struct fs_dir *parent, const char *dest,
                             const struct fs_dir *staging);

/* Whether the run that made a version of dest still has a staging: it may be about to
 * make that version visible. */
bool leftovers_may_be_shown(const struct fs_dir *parent, const char *dest,
                            const struct fs_dir *versions, const char *version);

#endif
