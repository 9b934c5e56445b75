/* publish/adopt.h -- rank 0, layout dir: a record for a DEST that has none which is
 * believed, once its files have been hashed. DEST itself stays as it is. */
#ifndef PUBLISH_ADOPT_H
#define PUBLISH_ADOPT_H

#include "ranks/run.h"
#include "staging/existing.h"

/* Record the files of the plan that are there. tree: DEST; identity: of the plan. The run
 * holds a claim, and its staging is used. */
int adopt_record(const struct run *run, const struct fs_dir *tree,
                 const struct existing *existing, const char *identity, struct err *err);

#endif
