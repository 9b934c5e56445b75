#include "coordinate/standstill.h"

#include "ranks/nodes.h"

static double now_of(const struct standstill *standstill)
{
    return standstill->run->ranks.liveness.silence.listened;
}

void standstill_begin(struct standstill *standstill, const struct run *run)
{
    standstill->run = run;
    standstill_moved(standstill);
}

void standstill_moved(struct standstill *standstill)
{
    standstill->since = now_of(standstill);
}

int standstill_check(const struct standstill *standstill, int node, struct err *err)
{
    const struct ranks *ranks = &standstill->run->ranks;
    double quiet = now_of(standstill) - standstill->since;

    if (quiet < 2 * ranks->liveness.silence.timeout || quiet <= 0)
        return 0;
    return err_set(err, ERR_NETWORK,
                   "%s: a message between nodes was lost: nothing has been under way for "
                   "%.0f s, and %s: run the same command again",
                   comm_host(ranks->comm, node < 0 ? 0 : nodes_keeper(ranks, node)),
                   quiet,
                   node < 0 ? "not all files are proved" : "not all files are there");
}
