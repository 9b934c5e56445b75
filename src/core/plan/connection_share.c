#include "core/plan/connection_share.h"

#include <stdint.h>

/* The index of a rank among those of its node. Quadratic, but only where nodes hold many
 * ranks, and done once a run. */
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

void connection_share_slots(const int *node, int nranks, unsigned per_rank,
                            unsigned total, unsigned *out)
{
    uint64_t wanted = (uint64_t)per_rank * (unsigned)nranks;
    uint64_t left = total == 0 || total > wanted ? wanted : total;

    for (int i = 0; i < nranks; i++)
        out[i] = 0;
    if (left == wanted) {
        for (int i = 0; i < nranks; i++)
            out[i] = per_rank;
        return;
    }
    while (left > 0) {
        for (int index = 0, seen = 1; seen > 0 && left > 0; index++) {
            seen = 0;
            for (int i = 0; i < nranks && left > 0; i++) {
                if (out[i] >= per_rank || local_index(node, i) != index)
                    continue;
                out[i]++;
                left--;
                seen++;
            }
        }
    }
}
