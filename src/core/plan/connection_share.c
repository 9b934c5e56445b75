#include "core/plan/connection_share.h"

#include <stdint.h>

/* The index of a rank among those of its node. */
static int local_index(const int *node, int rank)
{
    int index = 0;

    for (int i = 0; i < rank; i++)
        index += node[i] == node[rank];
    return index;
}

unsigned connection_share_default(int nranks)
{
    return nranks <= 8 ? 8 : 4;
}

unsigned connection_share_most(unsigned slots, unsigned total, bool pinned)
{
    unsigned most = total < CONNECTION_SHARE_MOST ? total : CONNECTION_SHARE_MOST;

    return pinned || slots == 0 || slots > most ? slots : most;
}

void connection_share_slots(const int *node, const unsigned *most, int nranks,
                            unsigned total, unsigned *out)
{
    uint64_t wanted = 0, left;
    int indexes = 0;

    for (int i = 0; i < nranks; i++) {
        wanted += out[i] = most[i];
        if (local_index(node, i) >= indexes)
            indexes = local_index(node, i) + 1;
    }
    left = total == 0 || total > wanted ? wanted : total;
    if (left == wanted)
        return;
    for (int i = 0; i < nranks; i++)
        out[i] = 0;
    while (left > 0)
        for (int index = 0; index < indexes && left > 0; index++)
            for (int i = 0; i < nranks && left > 0; i++)
                if (out[i] < most[i] && local_index(node, i) == index) {
                    out[i]++;
                    left--;
                }
}
