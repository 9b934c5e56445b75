/* core/sched/supply.h -- which node has which segments, which need them, and which
 * segments wait to be sent.
 *
 * For each node and segment that it wants, exactly one holds: it has it; it needs it; or it
 * expects it, since a ticket brings it (which is the caller's matter).
 *
 * A segment that some node has is fresh until its first ticket: then it waits in a list of
 * the node that it came to first. After that it is owed to those that need it still. One
 * that is withheld goes to nobody until all nodes have lost it.
 *
 * Life cycle   supply_create: every node needs everything; supply_destroy. */
#ifndef CORE_SCHED_SUPPLY_H
#define CORE_SCHED_SUPPLY_H

#include "core/plan/segment.h"
#include "core/sched/node_set.h"

enum supply_stage { SUPPLY_NOWHERE, SUPPLY_FRESH, SUPPLY_OWED, SUPPLY_WITHHELD };

struct supply_node {
    bool gone;
    uint32_t missing;    /* segments that it wants and does not have */
    uint64_t owed;       /* bytes at SUPPLY_OWED that it needs */
    uint64_t fresh;      /* bytes in its list of fresh ones */
    uint32_t head, tail; /* of that list */
};

struct supply {
    const struct segments *segments;
    struct node_set has, need; /* of each segment */
    struct node_set skip;      /* of each file: those that do not want it */
    struct supply_node *node;
    uint8_t *stage;          /* of each segment */
    bool *listed;            /* each is in a list, and may be in it no longer by right */
    uint32_t *next;          /* behind it there */
    struct node_set listing; /* one row: nodes whose lists are not empty */
    uint64_t owed;           /* to all nodes */
    int nodes, incomplete;
};

extern const uint32_t SUPPLY_NONE; /* no segment */

int supply_create(struct supply *supply, const struct segments *segments, int nodes,
                  struct err *err);
void supply_release(struct supply *supply); /* takes a zeroed struct */

bool supply_has(const struct supply *supply, int node, uint32_t segment);
bool supply_needs(const struct supply *supply, int node, uint32_t segment);

void supply_skip(struct supply *supply, int node, uint32_t file);

/* The node has it, whether it needed or expected it. */
void supply_have(struct supply *supply, int node, uint32_t segment);
void supply_lack(struct supply *supply, int node, uint32_t segment);

/* The node that needs it expects it. And: it needs it again, which it expected. */
void supply_expect(struct supply *supply, int node, uint32_t segment);
void supply_need(struct supply *supply, int node, uint32_t segment);

/* A ticket has gone out for it. */
void supply_begun(struct supply *supply, uint32_t segment);

/* Those of the file that some node has are withheld. */
void supply_withhold(struct supply *supply, uint32_t file);

/* Neither a source nor a target any more, and expecting nothing. */
void supply_drop(struct supply *supply, int node);

/* Its first segment is all of the file, and no node has it. */
void supply_whole(struct supply *supply, uint32_t file);

/* The first that waits in the list of the node. */
uint32_t supply_fresh(struct supply *supply, int node);

#endif
