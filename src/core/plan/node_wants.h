/* core/plan/node_wants.h -- which node wants which file of a plan, by a map of nodes
 * (core/plan/node_map.h), and which files the same nodes want: these are of one group.
 *
 * Life cycle   node_wants_create; node_wants_group where groups are asked for;
 *              node_wants_release, which takes a zeroed struct as well.
 * Memory       a bit for each node (of 8, 16, ...) and file, 4 bytes for each file. */
#ifndef CORE_PLAN_NODE_WANTS_H
#define CORE_PLAN_NODE_WANTS_H

#include "core/plan/node_map.h"
#include "core/plan/plan.h"

struct node_wants {
    const struct plan *plan; /* borrowed; sealed */
    uint32_t nodes;
    size_t row;    /* bytes for each file */
    uint8_t *bits; /* of each file and node */
    /* After node_wants_group. */
    uint32_t groups;
    uint32_t *group; /* of each file */
    uint32_t *one;   /* of each group a file */
};

/* One of the job; several are one node where they share a disk. */
struct node_host {
    const char *name;
    uint32_t number; /* among all */
    uint32_t node;   /* below `nodes` */
};

/* A node wants what the rules for any of its hosts name. */
int node_wants_create(struct node_wants *wants, const struct plan *plan, uint32_t nodes,
                      struct node_map *map, const struct node_host *host, size_t hosts,
                      struct err *err);
void node_wants_release(struct node_wants *wants);

bool node_wants_file(const struct node_wants *wants, uint32_t node, size_t file);

/* How many files the node wants, and their bytes. */
struct node_part {
    uint64_t files, bytes;
};
struct node_part node_wants_part(const struct node_wants *wants, uint32_t node);

int node_wants_group(struct node_wants *wants, struct err *err);

#endif
