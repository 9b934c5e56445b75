/* publish/dir_trim.h -- takes from a staged tree what the node does not want itself
 * (ranks/nodes.h): files that it had, or fetched, for other nodes, and the directories that
 * only they need. */
#ifndef PUBLISH_DIR_TRIM_H
#define PUBLISH_DIR_TRIM_H

#include "ranks/run.h"
#include "staging/existing.h"

/* Once no rank of the node reads or writes there any more. None of these files is there
 * after that. */
int dir_trim(struct run *run, struct existing_file *existing, struct err *err);

#endif
