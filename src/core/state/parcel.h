/* core/state/parcel.h -- segments that go from one node to others along a tree: what TICKET
 * and OFFER carry.
 *
 * The tree is written in preorder, each node with the size of the part that begins with it,
 * so that the part below a child is a slice, which is all that the child is sent. The first
 * node of a parcel is the one that receives the message.
 *
 * Life cycle   parcel_read, or filled by hand with arrays that the caller keeps;
 *              parcel_write for each child; parcel_release if it was read. */
#ifndef CORE_STATE_PARCEL_H
#define CORE_STATE_PARCEL_H

#include "core/state/msg.h"

enum { PARCEL_SEGMENTS = 4096, PARCEL_NODES = UINT16_MAX };

/* Neighbours by their numbers, maybe of several files. */
struct parcel_run {
    uint32_t first, count;
    uint32_t flags; /* MSG_ITEM_WHOLE: of one file, which has PLAN_WHOLE */
};

struct parcel_node {
    uint16_t node;  /* as in ranks/nodes.h */
    uint16_t nodes; /* from here down, this one included */
};

struct parcel {
    uint32_t ticket;
    uint32_t nruns, nnodes, nsums;
    struct parcel_run run[MSG_ITEMS];
    struct parcel_node *tree;
    uint64_t *sum; /* of each segment, run by run */
};

/* The part of the parcel that begins with that node of its tree, as a message of that kind.
 * The blob is overwritten, and must stay until the message is sent. */
void parcel_write(const struct parcel *parcel, uint32_t node, enum msg_kind kind,
                  struct msg *msg, struct strbuf *blob);

/* Of a job of so many segments and nodes. ERR_DEFECT unless the message holds a parcel: its
 * segments exist and have a sum each, and the children of its first node are all the rest
 * of the tree. */
int parcel_read(struct parcel *parcel, const struct msg *msg, uint32_t segments,
                uint32_t nodes, struct err *err);
void parcel_release(struct parcel *parcel);

/* The children of the first node, as places in the tree: begin with *at == 0. false: there
 * is none, or no more. */
bool parcel_child(const struct parcel *parcel, uint32_t *at);

#endif
