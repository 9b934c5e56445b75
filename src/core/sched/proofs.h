/* core/sched/proofs.h -- whether each node has the right bytes of each file on its own disk,
 * by the digests that the nodes report, and what is done where one has not.
 *
 * A node whose digest is wrong is asked to compare the segments of the file with the
 * checksums that they had as they came from the source, and to forget those that differ:
 * they come again from another node, and it reports anew. If none differs and the digest
 * stays as it is:
 *  - some other node has the right one: then its disk is not to be trusted, and it forgets
 *    all of the file;
 *  - none has: the source has sent other bytes than it announced. All nodes forget the file,
 *    and it is fetched once more.
 * Where the source announces no digest the first that is reported counts, until a node that
 * has compared its segments reports another one.
 *
 * Life cycle   proofs_create, after which every node is to report every file that is not
 *              empty; proofs_skip; proofs_hear, proofs_forgot, proofs_void, proofs_drop as
 *              nodes report; after each, proofs_next until it returns false, and do what it
 *              says; proofs_finished; proofs_destroy.
 * Memory       2 bits for each node and file, 48 bytes for each file. */
#ifndef CORE_SCHED_PROOFS_H
#define CORE_SCHED_PROOFS_H

#include "core/plan/segment.h"

enum { PROOFS_MENDS = 3 }; /* times that one file of a node is mended before it fails */

enum proofs_kind {
    PROOFS_KNOWN, /* file: its SHA-256, of which some node has bytes */
    PROOFS_LACK,  /* node, file: it is to forget segments that differ; all: all of them */
    PROOFS_FAIL,  /* node, file: it cannot keep that file as it is */
    PROOFS_WRONG, /* file: its source is wrong, sha256 is what it sent. An error, or
                   * proofs_recall */
    PROOFS_ANEW   /* file: after proofs_recall no node has anything of it */
};

struct proofs_action {
    enum proofs_kind kind;
    int node;
    uint32_t file;
    bool all;
    bool again; /* KNOWN, WRONG: it was so before */
    uint8_t sha256[32];
};

struct proofs;

int proofs_create(struct proofs **out, const struct segments *segments, int nodes,
                  struct err *err);
void proofs_destroy(struct proofs *proofs);

/* The node does not want that file. Before anything is reported of it. */
void proofs_skip(struct proofs *proofs, int node, uint32_t file);

/* Nobody reports that file: what came with the right checksums is good, until it is
 * recalled, and once it was forgotten by all. Before anything is reported. */
void proofs_trust(struct proofs *proofs, uint32_t file);

/* The node has hashed the file from its disk. sha256: NULL if it is as announced. bad: it
 * is not; known to the node where the source announces one. -1: no memory. */
int proofs_hear(struct proofs *proofs, int node, uint32_t file, const uint8_t *sha256,
                bool bad, struct err *err);

/* Its answer to a LACK; any: it had something to forget. */
int proofs_forgot(struct proofs *proofs, int node, uint32_t file, bool any,
                  struct err *err);

/* What the node has reported of the file does not count: it has forgotten some of it,
 * unasked. */
int proofs_void(struct proofs *proofs, int node, uint32_t file, struct err *err);

/* All nodes are to forget the file. */
int proofs_recall(struct proofs *proofs, uint32_t file, struct err *err);

/* It is being forgotten by all, whatever is on their disks. */
bool proofs_recalls(const struct proofs *proofs, uint32_t file);

/* Nothing more is expected of the node. */
int proofs_drop(struct proofs *proofs, int node, struct err *err);

bool proofs_next(struct proofs *proofs, struct proofs_action *action);

/* Each node that was not dropped has reported the right digest of each file it wants. */
bool proofs_finished(const struct proofs *proofs);

#endif
