/* publish/adopt.h -- rank 0, layout dir: records for a DEST that has none which is believed,
 * once its files have been hashed. Its files themselves stay as they are. */
#ifndef PUBLISH_ADOPT_H
#define PUBLISH_ADOPT_H

#include "ranks/run.h"
#include "staging/existing.h"

/* DEST holds every file of the plan: record that, by one step. identity: of the plan.
 * found: its files are not ours (staging/manifest.h). The run holds a claim, and its
 * staging is used. */
int adopt_record(const struct run *run, const struct fs_dir *dest,
                 const struct existing *existing, const char *identity, bool found,
                 struct err *err);

/* The old tree, which is in the staging after the visible step, held nothing but files of
 * the plan, and the new one has them all: a record in it says so, or it would be kept as
 * somebody else's. Without one that is what happens. */
void adopt_replaced(const struct run *run, const char *tree,
                    const struct existing *existing, const char *identity);

#endif
