#include "core/sched/spread_tree.h"

#include <stdlib.h>

/* A stop that can send, and when its next copy is over. */
struct sender {
    double done;
    uint32_t stop;
};

struct spread_tree {
    struct sender *heap; /* the least first */
    uint32_t count;
    double *free;    /* of each stop: when its link out has time for the next copy */
    uint32_t *nodes; /* of its subtree */
    uint32_t *place; /* where its next child comes in the preorder */
};

int spread_tree_create(struct spread_tree **out, int nodes, struct err *err)
{
    struct spread_tree *tree = calloc(1, sizeof(*tree));
    size_t n = (size_t)nodes + 1;

    *out = NULL;
    if (!tree)
        return err_memory(err, "tree of nodes");
    tree->heap = calloc(n, sizeof(*tree->heap));
    tree->free = calloc(n, sizeof(*tree->free));
    tree->nodes = calloc(n, sizeof(*tree->nodes));
    tree->place = calloc(n, sizeof(*tree->place));
    if (!tree->heap || !tree->free || !tree->nodes || !tree->place) {
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
    free(tree->heap);
    free(tree->free);
    free(tree->nodes);
    free(tree->place);
    free(tree);
}

static void sift_down(struct spread_tree *tree, struct sender sender)
{
    uint32_t at = 0;

    for (uint32_t child = 1; child < tree->count; child = 2 * at + 1) {
        if (child + 1 < tree->count &&
            tree->heap[child + 1].done < tree->heap[child].done)
            child++;
        if (sender.done <= tree->heap[child].done)
            break;
        tree->heap[at] = tree->heap[child];
        at = child;
    }
    tree->heap[at] = sender;
}

static void push(struct spread_tree *tree, struct sender sender)
{
    uint32_t at = tree->count++;

    while (at > 0 && sender.done < tree->heap[(at - 1) / 2].done) {
        tree->heap[at] = tree->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    tree->heap[at] = sender;
}

/* When it can have passed on a copy, if it got one at once. */
static double promise(const struct spread_stop *stop)
{
    return (stop->in_free > stop->out_free ? stop->in_free : stop->out_free) +
           stop->out_time;
}

static int by_promise(const void *a, const void *b)
{
    double one = promise(a), other = promise(b);

    return (one > other) - (one < other);
}

static void join(struct spread_tree *tree, struct spread_stop *stop, uint32_t i,
                 double part)
{
    struct sender sender = tree->heap[0];
    const struct spread_stop *from = &stop[sender.stop];
    double begin = sender.done - from->out_time;
    double first = begin + part * from->out_time;

    stop[i].parent = sender.stop;
    if (first < stop[i].in_free + part * stop[i].in_time)
        first = stop[i].in_free + part * stop[i].in_time;
    tree->free[i] = first > stop[i].out_free ? first : stop[i].out_free;
    sender.done += from->out_time;
    sift_down(tree, sender);
    push(tree, (struct sender){ .done = tree->free[i] + stop[i].out_time, .stop = i });
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

void spread_tree_grow(struct spread_tree *tree, struct spread_stop *stop, uint32_t count,
                      double part, struct spread_hop *hop)
{
    qsort(stop + 1, count - 1, sizeof(*stop), by_promise);
    tree->count = 0;
    push(tree, (struct sender){ .done = stop->out_free + stop->out_time });
    for (uint32_t i = 1; i < count; i++)
        join(tree, stop, i, part);
    list_preorder(tree, stop, count, hop);
}
