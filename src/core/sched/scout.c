#include "core/sched/scout.h"

#include <math.h>

bool scout_needed(const struct outcome *outcome)
{
    return outcome->status == 0 &&
           (outcome->fault == NET_RESOLVE || outcome->fault == NET_CONNECT);
}

void scout_begin(struct scout *scout, int nodes, double now)
{
    *scout = (struct scout){ .nodes = nodes, .next = 1, .began = now };
}

int scout_next(struct scout *scout, double now)
{
    if (scout->next >= scout->nodes || scout->underway >= exp2(floor(now - scout->began)))
        return -1;
    scout->underway++;
    return scout->next++;
}

void scout_failed(struct scout *scout)
{
    scout->underway--;
}

bool scout_over(const struct scout *scout)
{
    return scout->next >= scout->nodes && scout->underway == 0;
}
