/* fetch/keeper.h -- what the keeper of a node does beside fetching, where each of several
 * nodes has a copy of its own: it proves that copy (fetch/proof.h), and passes segments on
 * from node to node (fetch/spreader.h).
 *
 * Life cycle   keeper_open; keeper_hear for each message; keeper_step each turn;
 *              keeper_close once the pool has no job of it.
 * Threads      all calls on the main thread. */
#ifndef FETCH_KEEPER_H
#define FETCH_KEEPER_H

#include "fetch/proof.h"
#include "fetch/spreader.h"

struct keeper {
    struct run *run;
    bool open;
    bool failed; /* its node takes no further part */
    struct proof proof;
    struct spreader spreader;
};

/* Stays closed on ranks that are no keepers, or have nothing to do as one. existing: of each
 * file of the plan. */
int keeper_open(struct keeper *keeper, const struct stow *stow, struct pool *pool,
                struct existing_file *existing, struct err *err);
void keeper_close(struct keeper *keeper); /* takes a zeroed one as well */

/* 1: it was for the keeper alone; 0: others are to hear it, too; -1. */
int keeper_hear(struct keeper *keeper, int from, const struct msg *msg, struct err *err);

/* *moved is set if anything was passed on. */
int keeper_step(struct keeper *keeper, bool *moved, struct err *err);

/* Whether MPI should be called soon again. */
bool keeper_is_busy(const struct keeper *keeper);

/* What has passed between its node and others. */
struct traffic keeper_traffic(struct keeper *keeper);

/* Its node takes no further part. */
void keeper_fail(struct keeper *keeper);

#endif
