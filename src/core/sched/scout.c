#include "core/sched/scout.h"

#include <math.h>

static bool failed_at_proxy(const struct outcome *outcome)
{
    if (!outcome->proxied)
        return false;
    return outcome->status == 407 ||
           (outcome->status >= 502 && outcome->status <= 504 && !retry_is_asked(outcome));
}

bool scout_needed(const struct outcome *outcome)
{
    if (failed_at_proxy(outcome))
        return true;
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
