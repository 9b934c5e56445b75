/* staging/uncache.h -- with --per-node: a node's memory is for the job that comes next, so
 * what was written to the tree leaves the page cache, unless --per-node-keep-cached. */
#ifndef STAGING_UNCACHE_H
#define STAGING_UNCACHE_H

#include "ranks/run.h"
#include "staging/existing.h"

/* Keeper: once all ranks of its node have synced. Without --per-node nothing happens. Files
 * that were there before are left as they are. */
void uncache_tree(const struct run *run, const struct existing_file *existing);

#endif
