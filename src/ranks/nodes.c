#include "ranks/nodes.h"

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
    return comm_nodes(ranks->comm);
}

int nodes_of(const struct ranks *ranks, int rank)
{
    return comm_node(ranks->comm, rank);
}

int nodes_keeper(const struct ranks *ranks, int node)
{
    return comm_node_lowest(ranks->comm, node);
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
