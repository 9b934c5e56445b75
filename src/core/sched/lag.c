#include "core/sched/lag.h"

#include <math.h>
#include <stdlib.h>

#include "core/sched/meter.h"

/* Seconds. */
static const double window = 3, /* over which the speed of a link is taken */
    slack = 0.5;                /* that nodes are apart by chance */

struct lag_link {
    struct meter
        meter;     /* of what others bring, while the link is all that it waits for */
    uint64_t came; /* at the last look */
    bool full;     /* then */
    bool yields;
    double
        speed; /* of what it fetches more: of the slower one of its links; 0: it does not lag */
    double seconds; /* until what others have, or fetch, has come to it */
};

struct lag {
    struct lag_link *link;
    int nodes;
    uint64_t least;
    double looked;
};

int lag_create(struct lag **out, int nodes, uint64_t least, struct err *err)
{
    struct lag *lag = calloc(1, sizeof(*lag));

    *out = NULL;
    if (!lag)
        return err_memory(err, "speeds of the nodes");
    *lag = (struct lag){ .nodes = nodes, .least = least };
    lag->link = calloc((size_t)nodes, sizeof(*lag->link));
    if (!lag->link) {
        lag_destroy(lag);
        return err_memory(err, "speeds of the nodes");
    }
    *out = lag;
    return 0;
}

void lag_destroy(struct lag *lag)
{
    if (!lag)
        return;
    free(lag->link);
    free(lag);
}

bool lag_yields(const struct lag *lag, int node)
{
    return lag->link[node].yields;
}

/* elsewhere: bytes that other nodes are about to fetch. */
static void measure(const struct lag *lag, struct lag_link *link,
                    const struct lag_node *node, uint64_t elsewhere, double passed)
{
    bool full = node->coming >= lag->least;
    double others;

    if (full && link->full && passed > 0)
        meter_add(&link->meter, passed, node->came - link->came);
    link->full = full;
    link->came = node->came;
    others = full ? meter_rate(&link->meter, window) : 0;
    link->seconds = others > 0 ? (double)(node->lacks + elsewhere) / others : 0;
    link->speed = fmin(node->source, others);
}

/* Whether those that lag behind that node can fetch all that is pending, with what they were
 * granted, by the time at which they have the rest. */
static bool can_leave(const struct lag *lag, const struct lag_node *node, int self,
                      uint64_t pending)
{
    double work = (double)pending, room = 0;

    for (int i = 0; i < lag->nodes; i++) {
        const struct lag_link *link = &lag->link[i];
        double seconds = link->seconds - lag->link[self].seconds - slack;

        if (i == self || link->speed <= 0 || seconds <= 0)
            continue;
        room += link->speed * seconds;
        work += (double)node[i].left;
    }
    return room > 0 && room >= work;
}

void lag_look(struct lag *lag, const struct lag_node *node, uint64_t pending, double now)
{
    uint64_t leased = 0;

    for (int i = 0; i < lag->nodes; i++)
        leased += node[i].leased;
    for (int i = 0; i < lag->nodes; i++)
        measure(lag, &lag->link[i], &node[i], leased - node[i].leased, now - lag->looked);
    for (int i = 0; i < lag->nodes; i++)
        lag->link[i].yields = can_leave(lag, node, i, pending);
    lag->looked = now;
}
