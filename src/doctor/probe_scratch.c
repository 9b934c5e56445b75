#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/probe.h"

/* Each rank's own path: other ranks have none, and theirs is not looked at. */
static const char *own_of(const struct probe *probe)
{
    return probe->scratch_own ? probe->scratch_own : "";
}

static int look_at_scratch(struct probe *probe, struct err *err)
{
    for (int i = 0; i < probe->nodes; i++)
        if (probe->node[i].scratch)
            orders_give(&probe->orders, i, 0, ORDER_LOOK, "", "%s",
                        probe->node[i].scratch);
    if (orders_carry_out(&probe->orders, err) < 0)
        return -1;
    for (int i = 0; i < probe->nodes; i++) {
        probe->node[i].looked = orders_answer(&probe->orders, i, 0)->outcome;
        probe->node[i].volume = orders_answer(&probe->orders, i, 0)->volume;
    }
    return 0;
}

static int make_in_scratch(struct probe *probe, struct err *err)
{
    const struct run *run = probe->run;
    int here = comm_node(run->ranks.comm, run->ranks.rank);
    int outcome;

    if (probe->node[here].looked == 0 && comm_node_first(run->ranks.comm))
        probe->scratch_own = probe_new_name(probe->node[here].scratch);
    for (int i = 0; i < probe->nodes; i++)
        if (probe->node[i].looked == 0)
            orders_give(&probe->orders, i, 0, ORDER_MAKE, "", "%s", own_of(probe));
    if (orders_carry_out(&probe->orders, err) < 0)
        return -1;
    for (int i = 0; i < probe->nodes; i++) {
        outcome = orders_answer(&probe->orders, i, 0)->outcome;
        probe->node[i].made = outcome == 0;
    }
    outcome = orders_answer(&probe->orders, here, 0)->outcome;
    if (outcome > 0) { /* else it may have been made all the same */
        free(probe->scratch_own);
        probe->scratch_own = NULL;
    }
    return 0;
}

static int lock_in_scratch(struct probe *probe, struct err *err)
{
    for (int i = 0; i < probe->nodes; i++) {
        probe->node[i].holds = probe->node[i].made;
        probe->node[i].tries = false;
    }
    if (probe_lock(probe, "flock", own_of(probe), err) < 0)
        return -1;
    for (int i = 0; i < probe->nodes; i++)
        probe->node[i].flock = verdict_lock(&probe->node[i].lock);
    return 0;
}

static int measure_scratch(struct probe *probe, struct err *err)
{
    char path[PATH_MAX + 1];

    snprintf(path, sizeof(path), "%s/bytes", own_of(probe));
    for (int i = 0; i < probe->nodes; i++)
        if (probe->node[i].made)
            probe_give_rate(probe, i, ORDER_BYTES,
                            probe_most_bytes(probe->node[i].volume.bytes, 1), path);
    if (orders_carry_out(&probe->orders, err) < 0)
        return -1;
    for (int i = 0; i < probe->nodes; i++) {
        const struct answer *answer = orders_answer(&probe->orders, i, 0);

        if (answer->outcome == 0 && answer->rate.seconds > 0)
            probe->node[i].rate = (double)answer->rate.amount / answer->rate.seconds;
    }
    return 0;
}

static bool are_alike(const struct probe_node *a, const struct probe_node *b)
{
    return probe_same_volume(a, b) && a->made == b->made && a->flock == b->flock &&
           strcmp(a->scratch, b->scratch) == 0;
}

static void rate_row(struct probe *probe, int count)
{
    const struct probe_node *slowest = NULL;
    struct results_row *row;

    for (int i = 0; i < probe->nodes; i++) {
        const struct probe_node *node = &probe->node[i];

        if (node->marked && node->rate > 0 && (!slowest || node->rate < slowest->rate))
            slowest = node;
    }
    if (!slowest)
        return;
    row = results_row(&probe->results, "bytes", "write", "measured",
                      count > 1 ? "%.0f MB/s on the slowest node, %s" : "%.0f MB/s (%s)",
                      slowest->rate / 1e6, slowest->host);
    row->number = slowest->rate;
    row->unit = "bytes_per_second";
}

/* Of all that are like this one. */
static void scratch_section(struct probe *probe, int first)
{
    struct probe_node *node = &probe->node[first];
    char hosts[PROBE_HOSTS];
    int count = 0;

    for (int i = 0; i < probe->nodes; i++) {
        struct probe_node *other = &probe->node[i];

        other->marked =
            i >= first && other->scratch && !other->told && are_alike(other, node);
        other->told |= other->marked;
        count += other->marked;
    }
    results_section(&probe->results, "scratch", "scratch '%s' on %d node%s (%s)",
                    node->scratch, count, count == 1 ? "" : "s",
                    probe_hosts(probe, hosts));
    probe_volume_rows(probe, node);
    if (!node->made)
        return;
    results_row(&probe->results, "flock", "flock", verdict_lock_word(node->flock), "%s",
                node->flock == LOCK_ONE_NODE ? "works within the node"
                                             : verdict_lock_words(node->flock));
    rate_row(probe, count);
}

int probe_scratch(struct probe *probe, struct err *err)
{
    bool any = false;

    for (int i = 0; i < probe->nodes; i++) {
        any |= probe->node[i].scratch != NULL;
        probe->node[i].told = false;
    }
    if (!any)
        return 0;
    if (look_at_scratch(probe, err) < 0 || make_in_scratch(probe, err) < 0 ||
        lock_in_scratch(probe, err) < 0 ||
        (!probe->quick && measure_scratch(probe, err) < 0))
        return -1;
    for (int i = 0; i < probe->nodes; i++)
        if (probe->node[i].scratch && !probe->node[i].told)
            scratch_section(probe, i);
    return 0;
}
