/* fetch/proof.h -- with --per-node, of a keeper: the digest of each file as it lies on this
 * node. A file of several segments is hashed from its start as far as it is there, while
 * the rest comes, by all ranks of the node in turn: the keeper gives them HASH orders as
 * rank 0 does where a tree is shared, and a digest goes on where the one before ended. A
 * file of one segment that a rank of the node has fetched is hashed by it as it lands; one
 * that came from another node is hashed here, many together (fetch/whole_hash.h). What comes
 * out goes to rank 0 as PROVED, and into `existing` for the record of the tree.
 *
 * With --per-node-verify segments a file with an announced SHA-256 is hashed once for all
 * nodes, where it lands; here the checksums of its segments are enough.
 *
 * Life cycle   proof_open; as segments come to lie on the node proof_landed or proof_got,
 *              proof_hashed for answers, proof_lack for orders; each turn proof_step;
 *              proof_release once the pool has no job of it.
 * Threads      all calls on the main thread.
 * Errors       a file that cannot be read is an error of pool_reap, here or on the rank
 *              that hashes it. */
#ifndef FETCH_PROOF_H
#define FETCH_PROOF_H

#include "core/sched/relay.h"
#include "fetch/doubts.h"
#include "fetch/proof_mail.h"
#include "fetch/whole_hash.h"
#include "staging/existing.h"

enum {
    PROOF_ORDERS = 2,      /* HASH orders that a rank has at a time */
    PROOF_ORDER = 16 << 20 /* most bytes of one: others can go on in between */
};

struct proof_mate {
    int rank;
    unsigned orders; /* that it has */
};

struct proof {
    struct run *run;
    struct existing_file *existing; /* borrowed */
    struct relay *relay;            /* of this node alone; all is owned by "rank" 0 */
    struct whole_hash whole;
    struct doubts doubts;
    struct proof_mail mail;
    uint8_t *here;           /* a bit for each segment: it lies on the node */
    uint8_t *proved;         /* a bit for each file */
    struct proof_mate *mate; /* the ranks of this node */
    int nmates;
};

/* existing: of each file of the plan. What is there of them needs no proof. */
int proof_open(struct proof *proof, struct run *run, const struct store *store,
               struct pool *pool, struct existing_file *existing, struct err *err);
void proof_release(struct proof *proof); /* takes a zeroed struct as well */

/* A rank of this node has told what landed (LANDED). */
int proof_landed(struct proof *proof, const struct msg *msg, struct err *err);

/* So many neighbours, maybe of several files, lie at their final path: they came from another node, or a former run
 * left them, and had the right checksum. */
int proof_got(struct proof *proof, uint32_t first, uint32_t count, struct err *err);

/* It is not here after all, and will come again. 1: rank 0 knows that already, or has just
 * been told, of all of a file that was there before the run. */
int proof_forgot(struct proof *proof, uint32_t segment, struct err *err);

/* A rank of this node has hashed what proof_step has asked it for (HASHED). */
int proof_hashed(struct proof *proof, int from, const struct msg *msg, struct err *err);

/* Rank 0 wants to know what is wrong with a file (LACK). The answer is FORGOT. */
int proof_lack(struct proof *proof, const struct msg *msg, struct err *err);

/* Each turn: order and begin what can be hashed, say what is known. */
int proof_step(struct proof *proof, struct err *err);

#endif
