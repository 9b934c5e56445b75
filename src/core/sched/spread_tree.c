#include "core/sched/spread_tree.h"

#include <stdlib.h>

enum {
    FAN = 4,        /* each passes it on to so many */
    SPARE = 4 << 20 /* bytes that the hub must have less to send than the root */
};

struct spread_tree {
    uint32_t *nodes; /* of its subtree */
    uint32_t *place; /* where its next child comes in the preorder */
    int count;
};

int spread_tree_create(struct spread_tree **out, int nodes, struct err *err)
{
    struct spread_tree *tree = calloc(1, sizeof(*tree));
    size_t n = (size_t)nodes + 1;

    *out = NULL;
    if (!tree)
        return err_memory(err, "tree of nodes");
    tree->count = nodes;
    tree->nodes = calloc(n, sizeof(*tree->nodes));
    tree->place = calloc(n, sizeof(*tree->place));
    if (!tree->nodes || !tree->place) {
        spread_tree_destroy(tree);
        return err_memory(err, "tree of nodes");
    }
    *out = tree;
    return 0;
}

void spread_tree_destroy(struct spread_tree *tree)
{
    if (!tree)
        return;
    free(tree->nodes);
    free(tree->place);
    free(tree);
}

/* A parent comes before its children in stop, and earlier children before later ones. */
static void list_preorder(struct spread_tree *tree, const struct spread_stop *stop,
                          uint32_t count, struct spread_hop *hop)
{
    for (uint32_t i = 0; i < count; i++)
        tree->nodes[i] = 1;
    for (uint32_t i = count - 1; i > 0; i--)
        tree->nodes[stop[i].parent] += tree->nodes[i];
    tree->place[0] = 0;
    for (uint32_t i = 1; i < count; i++) {
        uint32_t place = tree->place[stop[i].parent];

        hop[place].node = (uint16_t)stop[i].node;
        hop[place].nodes = (uint16_t)tree->nodes[i];
        tree->place[stop[i].parent] += tree->nodes[i];
        tree->place[i] = place + 1;
    }
}

/* Those that pass on, the least loaded first; then leaves, those first that lag least. */
static int by_order(const void *a, const void *b)
{
    const struct spread_stop *one = a, *other = b;

    if (one->leaf != other->leaf)
        return one->leaf ? 1 : -1;
    if (one->order != other->order)
        return one->order > other->order ? 1 : -1;
    return one->around > other->around ? 1 : -1;
}

/* Sort all but the root; returns how many are no leaves, the root included. */
static uint32_t sort(const struct spread_tree *tree, struct spread_stop *stop,
                     uint32_t count)
{
    uint32_t inner = 1;

    for (uint32_t i = 1; i < count; i++)
        inner += !stop[i].leaf;
    for (uint32_t i = 1; i < count; i++) {
        struct spread_stop *at = &stop[i];

        at->around =
            (uint32_t)(at->node > stop->node ? at->node - stop->node
                                             : at->node - stop->node + tree->count);
        at->order = at->leaf ? at->behind : at->load;
    }
    qsort(stop + 1, count - 1, sizeof(*stop), by_order);
    return inner;
}

/* Where the tree branches first: the root, or the stop that has least to send. */
static uint32_t choose_hub(struct spread_stop *stop, uint32_t inner)
{
    if (inner < 2 || (!stop->leaf && stop->load <= stop[1].load + SPARE))
        return 0;
    stop[1].parent = 0;
    return 1;
}

void spread_tree_grow(struct spread_tree *tree, struct spread_stop *stop, uint32_t count,
                      struct spread_hop *hop)
{
    uint32_t inner = sort(tree, stop, count), hub = choose_hub(stop, inner);

    for (uint32_t i = hub + 1; i < inner; i++)
        stop[i].parent = hub + (i - hub - 1) / FAN;
    for (uint32_t i = inner; i < count; i++)
        stop[i].parent = inner - 1 - (i - inner) % (inner - hub);
    list_preorder(tree, stop, count, hop);
}
