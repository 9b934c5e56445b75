/* phase/strangers.h -- files in a published tree that no run put there: somebody's work.
 */
#ifndef PHASE_STRANGERS_H
#define PHASE_STRANGERS_H

#include "phase/record.h"

/* Whether a path below DEST is none of ours: neither in the record nor one of our own or
 * of the Hub library's files. */
bool strangers_is_one(const struct record *record, const char *path);

/* ERR_DEST with the first of them in that tree, as DEST was or is; 0 if there is none,
 * with --force, and if the record is empty. */
int strangers_refuse(const struct run *run, const struct record *record, const char *tree,
                     struct err *err);

#endif
