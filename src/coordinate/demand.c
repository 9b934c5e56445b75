#include "coordinate/demand.h"

#include <stdlib.h>

#include "ranks/nodes.h"
#include "ranks/wants.h"

static void give_up(const struct demand *demand, uint32_t file)
{
    const uint32_t *first = demand->dispatch->run->segments.first;

    for (uint32_t i = first[file]; i < first[file + 1]; i++)
        sched_have(demand->dispatch->sched, i);
    relay_skip(demand->dispatch->relay, file);
}

static int take_node(struct demand *demand, int node, struct spread *spread,
                     struct proofs *proofs, struct err *err)
{
    const struct run *run = demand->dispatch->run;

    if (run->nodes.failed[node]) {
        spread_drop(spread, node);
        return proofs_drop(proofs, node, err);
    }
    for (uint32_t f = 0; f < run->plan.nfiles; f++)
        if (wants_of(run, node, f)) {
            demand->nodes[f]++;
        } else {
            spread_skip(spread, node, f);
            proofs_skip(proofs, node, f);
        }
    return 0;
}

int demand_open(struct demand *demand, struct dispatch *dispatch, struct spread *spread,
                struct proofs *proofs, struct err *err)
{
    const struct run *run = dispatch->run;

    demand->dispatch = dispatch;
    demand->nodes = calloc(run->plan.nfiles + 1, sizeof(*demand->nodes));
    if (!demand->nodes)
        return err_memory(err, "what the nodes want");
    for (int node = 0; node < nodes_count(&run->ranks); node++)
        if (take_node(demand, node, spread, proofs, err) < 0)
            return -1;
    for (uint32_t f = 0; f < run->plan.nfiles; f++)
        if (!demand_has(demand, f))
            give_up(demand, f);
    return 0;
}

void demand_release(struct demand *demand)
{
    free(demand->nodes);
    *demand = (struct demand){ 0 };
}

void demand_drop(struct demand *demand, int node)
{
    const struct run *run = demand->dispatch->run;

    for (uint32_t f = 0; f < run->plan.nfiles; f++)
        if (wants_of(run, node, f) && --demand->nodes[f] == 0)
            give_up(demand, f);
}

bool demand_has(const struct demand *demand, uint32_t file)
{
    return demand->nodes[file] > 0;
}

bool demand_is_of_one(const struct demand *demand, uint32_t file)
{
    return demand->nodes[file] == 1;
}

static bool suits(const void *arg, uint32_t group, int rank)
{
    const struct demand_ranks *ranks = arg;
    const struct run *run = ranks->run;

    return ranks->slots[rank] > 0 &&
           wants_of(run, nodes_of(&run->ranks, rank), run->nodes.all.one[group]);
}

const struct shelf_groups *demand_groups(struct demand_ranks *ranks)
{
    const struct node_wants *all = &ranks->run->nodes.all;

    if (!all->bits)
        return NULL;
    ranks->groups = (struct shelf_groups){ all->groups, all->group, suits, ranks };
    return &ranks->groups;
}
