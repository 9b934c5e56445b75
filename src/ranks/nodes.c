#include "ranks/nodes.h"

#include <stdlib.h>

#include "ranks/agree.h"
#include "ranks/run.h"

bool nodes_spread(const struct run *run)
{
    return run->opt.per_node && nodes_count(&run->ranks) > 1;
}

bool nodes_prove(const struct run *run, uint32_t file)
{
    return nodes_spread(run) && (!run->opt.per_node_segments ||
                                 run->plan.files[file].want.kind != DIGEST_SHA256);
}

int nodes_count(const struct ranks *ranks)
{
    return ranks->node_of ? ranks->nodes : comm_nodes(ranks->comm);
}

int nodes_of(const struct ranks *ranks, int rank)
{
    return ranks->node_of ? ranks->node_of[rank] : comm_node(ranks->comm, rank);
}

int nodes_keeper(const struct ranks *ranks, int node)
{
    return ranks->node_of ? ranks->keeper_of[node] : comm_node_lowest(ranks->comm, node);
}

int nodes_join(struct ranks *ranks, const int *with, struct err *err)
{
    int nodes = comm_nodes(ranks->comm);
    int *number = calloc((size_t)nodes, sizeof(*number));

    ranks->node_of = calloc((size_t)ranks->size, sizeof(*ranks->node_of));
    ranks->keeper_of = calloc((size_t)nodes, sizeof(*ranks->keeper_of));
    if (!number || !ranks->node_of || !ranks->keeper_of) {
        free(number);
        nodes_release(ranks);
        return err_memory(err, "the list of nodes");
    }
    for (int i = 0; i < nodes; i++) {
        if (with[i] < i) {
            number[i] = number[with[i]];
            continue;
        }
        number[i] = ranks->nodes++;
        ranks->keeper_of[number[i]] = comm_node_lowest(ranks->comm, i);
    }
    for (int i = 0; i < ranks->size; i++)
        ranks->node_of[i] = number[comm_node(ranks->comm, i)];
    free(number);
    return 0;
}

void nodes_release(struct ranks *ranks)
{
    free(ranks->node_of);
    free(ranks->keeper_of);
    ranks->node_of = ranks->keeper_of = NULL;
    ranks->nodes = 0;
}

int nodes_share(struct ranks *ranks, struct strbuf *bytes, struct err *err)
{
    int node = nodes_of(ranks, ranks->rank), child[] = { ranks->size, ranks->size };
    int mine = 0, index = 0;

    /* A binary tree of the ranks of this node, by how many are below each. */
    for (int i = nodes_keeper(ranks, node); i < ranks->size; i++) {
        if (nodes_of(ranks, i) != node)
            continue;
        if (i == ranks->rank)
            mine = index;
        if (i > ranks->rank && index == 2 * mine + 1)
            child[0] = i;
        if (i > ranks->rank && index == 2 * mine + 2)
            child[1] = i;
        index++;
    }
    return agree_share_down(ranks, bytes, mine == 0, child, err);
}
