/* coordinate/fence.h -- rank 0: before bytes are fetched that may differ from those that were
 * there, each node drops what tickets until then still bring to it, and says so. So whatever
 * a keeper reports later is about what was fetched later.
 *
 * A keeper sends in order: what it got by an older ticket it reports before FENCED.
 *
 * Life cycle   fence_open; fence_add for neighbours, fence_send after the last of them;
 *              fence_hear for each FENCED, until fence_waits is false; fence_release. */
#ifndef COORDINATE_FENCE_H
#define COORDINATE_FENCE_H

#include "coordinate/keeper_mail.h"

struct fence {
    struct run *run; /* borrowed, as is the next */
    struct keeper_mail *mail;
    int nodes;
    struct msg *msg;  /* what was added */
    uint32_t *left;   /* of each node: answers that are to come */
    uint32_t tickets; /* so many are older than the last one */
};

int fence_open(struct fence *fence, struct run *run, struct keeper_mail *mail,
               struct err *err);
void fence_release(struct fence *fence); /* takes a zeroed struct as well */

int fence_add(struct fence *fence, uint32_t first, uint32_t count, struct err *err);

/* To each node that has not failed. */
int fence_send(struct fence *fence, struct err *err);

/* -1: the node was not asked. */
int fence_hear(struct fence *fence, int node);

/* For a node that has not failed. */
bool fence_waits(const struct fence *fence);

#endif
