/* ranks/wants.h -- which files of the plan each node gets: all of them, unless a map says
 * otherwise (core/plan/node_map.h). */
#ifndef RANKS_WANTS_H
#define RANKS_WANTS_H

#include "ranks/run.h"

/* Whether the node of this rank wants the file, and how much of the plan that is. */
bool wants_file(const struct run *run, size_t file);
struct node_part wants_part(const struct run *run);

/* It wants nothing: there it publishes nothing. */
bool wants_nothing(const struct run *run);

/* Rank 0: the same of any node. */
bool wants_of(const struct run *run, int node, size_t file);
struct node_part wants_part_of(const struct run *run, int node);

#endif
