/* core/sched/node_set.h -- sets of nodes, a bit for each: one set for each of many things.
 *
 * Life cycle   node_set_create, all empty; node_set_release, which takes a zeroed struct. */
#ifndef CORE_SCHED_NODE_SET_H
#define CORE_SCHED_NODE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct node_set {
    uint64_t *word;
    size_t words; /* of one set */
    int nodes;
};

int node_set_create(struct node_set *set, size_t rows, int nodes, struct err *err);
void node_set_release(struct node_set *set);

uint64_t *node_set_row(const struct node_set *set, size_t row);

bool node_set_has(const struct node_set *set, size_t row, int node);
void node_set_add(struct node_set *set, size_t row, int node);
void node_set_remove(struct node_set *set, size_t row, int node);
void node_set_put(struct node_set *set, size_t row, int node, bool in);
void node_set_fill(struct node_set *set, size_t row); /* with all nodes */
bool node_set_is_empty(const struct node_set *set, size_t row);

/* The first node of that set from there on; -1: none. */
int node_set_next(const struct node_set *set, size_t row, int from);

#endif
