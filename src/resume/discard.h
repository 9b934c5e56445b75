/* resume/discard.h -- removes what a dead run left, once it is known for that
 * (resume/sweep.h). Both move it into a directory of their own first, so that only one
 * process removes it, and that very thing, whatever others do to the name. -1: some of it
 * is left, and *err says what and why. */
#ifndef RESUME_DISCARD_H
#define RESUME_DISCARD_H

#include "ranks/run.h"

/* found: the run-XXXXXX in parent/name, which is a staging. It is taken over as by a run
 * that wants it. 1: another process was faster. */
int discard_run(struct run *run, const struct fs_dir *parent, const char *name,
                const struct fs_dir *found, struct err *err);

/* dir: parent/name, with an owner file in it. A kill may leave it, as it was, under this name
 * in an mpifetch-XXXXXX. */
#define DISCARD_TAKEN "taken"
int discard_directory(const struct fs_dir *parent, const char *name,
                      const struct fs_dir *dir, struct err *err);

#endif
