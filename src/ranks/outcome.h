/* ranks/outcome.h -- with --per-node on several nodes: a node whose disk is of no use takes
 * no further part, and the others go on.
 *
 * A node fails by an ERR_DEST of one of its ranks, in a step that outcome_step ends. All
 * ranks know then which nodes have failed (run->nodes.failed), and rank 0 why
 * (run->nodes.err). Any other error, and the failure of the last node, ends the run. */
#ifndef RANKS_OUTCOME_H
#define RANKS_OUTCOME_H

#include "ranks/run.h"

int outcome_open(struct run *run, struct err *err);
void outcome_release(struct run *run);

/* Collective. rc and *err: the result of this rank, or its node's. 0, or -1 with the error
 * that ends the run for all. */
int outcome_step(struct run *run, int rc, struct err *err);

/* The same, but the failure of the last node does not end the run if one of them had
 * everything. */
int outcome_step_had(struct run *run, int rc, struct err *err);

/* Rank 0: that node has failed. The first reason counts. */
void outcome_fail(struct run *run, int node, const struct err *why);

/* Rank 0: how many nodes have failed. */
int outcome_failed(const struct run *run);

/* Rank 0: how many of these lack something. One that a map names no file for does not, nor
 * one that had everything before (run->nodes.had), and can only not give it to others. */
int outcome_missing(const struct run *run);

/* Rank 0: all that lack something, as one sentence. what: what DEST is there, as "is missing".
 * Returns -1. */
int outcome_tell(const struct run *run, const char *what, struct err *err);

#endif
