/* resume/unused.h -- what dead runs of other content had fetched and this run took over
 * (resume/kept.h), but has no use for. Rank 0. */
#ifndef RESUME_UNUSED_H
#define RESUME_UNUSED_H

#include "ranks/run.h"

/* For which branch, tag or commit a staging is, in a file of it. */
int unused_note_ref(const struct run *run, struct err *err);

/* What is in from comes to what is in into: if it is for another ref, into is for none. */
void unused_mix_refs(const struct fs_dir *into, const struct fs_dir *from);

/* Leave it to the runs that want it: kept becomes a staging of its own, without the lines
 * about files of this run's plan. Nothing is done if there is no other line, if it may
 * still be written to, or if it was for the ref that this run has published: then nobody
 * asks for it any more. Before this run removes its own staging. */
void unused_leave(struct run *run);

#endif
