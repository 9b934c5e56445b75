#include "core/sched/node_set.h"

#include <stdlib.h>

int node_set_create(struct node_set *set, size_t rows, int nodes, struct err *err)
{
    set->nodes = nodes;
    set->words = ((size_t)nodes + 63) / 64;
    set->word = calloc(rows + 1, set->words * sizeof(*set->word));
    return set->word ? 0 : err_memory(err, "sets of nodes");
}

void node_set_release(struct node_set *set)
{
    free(set->word);
    *set = (struct node_set){ 0 };
}

uint64_t *node_set_row(const struct node_set *set, size_t row)
{
    return set->word + row * set->words;
}

static uint64_t bit(int node)
{
    return (uint64_t)1 << (node % 64);
}

bool node_set_has(const struct node_set *set, size_t row, int node)
{
    return node_set_row(set, row)[node / 64] & bit(node);
}

void node_set_add(struct node_set *set, size_t row, int node)
{
    node_set_row(set, row)[node / 64] |= bit(node);
}

void node_set_remove(struct node_set *set, size_t row, int node)
{
    node_set_row(set, row)[node / 64] &= ~bit(node);
}

void node_set_put(struct node_set *set, size_t row, int node, bool in)
{
    if (in)
        node_set_add(set, row, node);
    else
        node_set_remove(set, row, node);
}

void node_set_fill(struct node_set *set, size_t row)
{
    for (int node = 0; node < set->nodes; node++)
        node_set_add(set, row, node);
}

bool node_set_is_empty(const struct node_set *set, size_t row)
{
    const uint64_t *word = node_set_row(set, row);

    for (size_t i = 0; i < set->words; i++)
        if (word[i])
            return false;
    return true;
}

int node_set_next(const struct node_set *set, size_t row, int from)
{
    const uint64_t *word = node_set_row(set, row);

    while (from < set->nodes) {
        uint64_t rest = word[from / 64] >> (from % 64);

        if (rest & 1)
            return from;
        from = rest ? from + 1 : (from / 64 + 1) * 64;
    }
    return -1;
}
