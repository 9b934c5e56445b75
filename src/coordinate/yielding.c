#include "coordinate/yielding.h"

#include <math.h>
#include <stdlib.h>

#include "ranks/nodes.h"

enum { PART = 8 /* of the window of a node: so much under way to it fills its link */ };

static const double every = 0.2; /* seconds */

static const struct run *run_of(const struct yielding *yielding)
{
    return yielding->steering->dispatch->run;
}

int yielding_open(struct yielding *yielding, const struct steering *steering,
                  const struct spread *spread, struct err *err)
{
    const struct run *run = steering->dispatch->run;
    int nodes = nodes_count(&run->ranks);

    *yielding = (struct yielding){ .steering = steering,
                                   .spread = spread,
                                   .sched = steering->dispatch->sched,
                                   .looked = -INFINITY };
    if (run->nodes.all.bits)
        return 0;
    yielding->node = calloc((size_t)nodes, sizeof(*yielding->node));
    if (!yielding->node)
        return err_memory(err, "speeds of the nodes");
    return lag_create(&yielding->lag, nodes, spread_policy(&run->segments).window / PART,
                      err);
}

void yielding_release(struct yielding *yielding)
{
    lag_destroy(yielding->lag);
    free(yielding->node);
    *yielding = (struct yielding){ 0 };
}

/* Whether it fetches, as long as it is granted something. */
static bool fetches(const struct yielding *yielding, int rank)
{
    int node = nodes_of(&run_of(yielding)->ranks, rank);

    return yielding->steering->egress->rank[rank].state == EGRESS_OPEN &&
           !run_of(yielding)->nodes.failed[node];
}

static void take_nodes(struct yielding *yielding)
{
    const struct ranks *ranks = &run_of(yielding)->ranks;
    int nodes = nodes_count(ranks);

    for (int i = 0; i < nodes; i++) {
        struct spread_inflow inflow = spread_inflow(yielding->spread, i);

        yielding->node[i] = (struct lag_node){ .came = inflow.came,
                                               .coming = inflow.coming,
                                               .lacks = inflow.lacks };
    }
    for (int rank = 0; rank < ranks->size; rank++) {
        struct lag_node *node = &yielding->node[nodes_of(ranks, rank)];
        struct sched_load load = sched_load(yielding->sched, rank);

        node->leased += load.leased;
        node->left += load.left;
        node->source += fetches(yielding, rank) ? load.speed : 0;
    }
}

/* A unit comes to a rank on such a link some time after it was asked for, and few are asked
 * for ahead: so those that go on get long ones, as if each had one transfer at a time. */
static void mute(struct yielding *yielding)
{
    const struct steering *steering = yielding->steering;
    const struct ranks *ranks = &run_of(yielding)->ranks;
    bool before = yielding->some;
    unsigned slots = 0;

    yielding->some = false;
    for (int rank = 0; rank < ranks->size; rank++) {
        bool yields = lag_yields(yielding->lag, nodes_of(ranks, rank));

        if (fetches(yielding, rank))
            sched_mute(yielding->sched, rank, yields);
        yielding->some |= yields;
        slots += !yields;
    }
    if (yielding->some || before)
        sched_slots(yielding->sched, yielding->some ? slots : steering->governor.level);
}

void yielding_step(struct yielding *yielding, double now)
{
    if (!yielding->lag || now < yielding->looked + every)
        return;
    yielding->looked = now;
    take_nodes(yielding);
    lag_look(yielding->lag, yielding->node, sched_pending_bytes(yielding->sched), now);
    mute(yielding);
}
