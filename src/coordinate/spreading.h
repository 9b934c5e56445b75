/* coordinate/spreading.h -- rank 0, where each node has a disk of its own: what lies on one
 * node goes to the others (core/sched/spread.h), and each proves that it has the right bytes
 * (core/sched/proofs.h). What no node has is fetched from the source, also for a second
 * time, if the only node that had it lost it.
 *
 * A node that fails takes no further part: its ranks are granted nothing more, and what it
 * alone had is fetched again for the others. Only if all nodes have failed does the run.
 *
 * Life cycle   spreading_open; then spreading_landed and spreading_hear as ranks report,
 *              spreading_step each turn, until spreading_finished; spreading_release. */
#ifndef COORDINATE_SPREADING_H
#define COORDINATE_SPREADING_H

#include "coordinate/copies.h"
#include "coordinate/demand.h"
#include "coordinate/dispatch.h"
#include "coordinate/fence.h"
#include "coordinate/keeper_mail.h"
#include "coordinate/standstill.h"
#include "core/sched/proofs.h"
#include "core/sched/spread.h"
#include "staging/existing.h"

struct spreading {
    struct dispatch *dispatch; /* borrowed, with all that it knows, as is the next */
    struct existing_file *existing;
    struct spread *spread;
    struct proofs *proofs;
    struct copies copies;
    unsigned *missed; /* of each node: transfers to it, in a row */
    int nodes;
    uint32_t nunwanted; /* files in copies that are to be recalled */
    bool *emptied;      /* each file: it was recalled for spreading_empties */
    struct demand demand;
    uint64_t given_up;    /* bytes: missing, but only on nodes that have failed since */
    uint64_t files_known; /* digests, or trusted and there from the start */
    struct keeper_mail mail;
    struct fence fence;
    bool fenced; /* it is about what is lost */
    struct standstill standstill;
};

/* What nodes had from the start, and which have failed, is taken from run->nodes. existing:
 * gets the digests of all files that are proved. */
int spreading_open(struct spreading *spreading, struct dispatch *dispatch,
                   struct existing_file *existing, struct err *err);
void spreading_release(struct spreading *spreading); /* takes a zeroed struct as well */

/* The rank has stored these neighbours, on the disk of its node. */
void spreading_landed(struct spreading *spreading, int rank, uint32_t first,
                      uint32_t count);

/* SUMS, and all that keepers send. */
bool spreading_hears(enum msg_kind kind);
int spreading_hear(struct spreading *spreading, int from, const struct msg *msg,
                   struct err *err);

/* All nodes are to forget the file, once nothing of it is under way; then it is fetched
 * again, and hashed again from its start. */
void spreading_recall(struct spreading *spreading, uint32_t file);

/* All nodes are to forget the file, of which the scheduler has withdrawn what is missing.
 * true: no node has anything of it, nor will. */
bool spreading_empties(struct spreading *spreading, uint32_t file);

/* That is so: the file is to come as one segment. */
void spreading_whole(struct spreading *spreading, uint32_t file);

/* One turn. *moved is set if anything was sent. ERR_DIGEST if the source sends wrong bytes
 * for a second time; the error of a node if none is left. */
int spreading_step(struct spreading *spreading, bool *moved, struct err *err);

/* That rank has said this, whatever it is about. */
void spreading_moved(struct spreading *spreading, const struct msg *msg);

/* All has been fetched, and the run has not ended. ERR_NETWORK if nothing is under way, and
 * has not been for long. */
int spreading_check(const struct spreading *spreading, struct err *err);

bool spreading_failed(const struct spreading *spreading, int rank); /* its node has */

/* Whether it must be fetched from the source: no node has it, and some node that has not
 * failed wants it. */
bool spreading_lacks(const struct spreading *spreading, uint32_t segment);

bool spreading_finished(const struct spreading *spreading);

#endif
