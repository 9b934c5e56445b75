#include "doctor/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/clock.h"

enum { HOSTS_NAMED = 3, NAME_RANDOM = 6 };

int probe_open(struct probe *probe, struct run *run, struct err *err)
{
    *probe = (struct probe){ .run = run };
    if (orders_open(&probe->orders, run, err) < 0)
        return -1;
    probe->nodes = probe->orders.nodes;
    probe->node = calloc((size_t)probe->nodes, sizeof(*probe->node));
    if (!probe->node)
        return err_memory(err, "the list of nodes");
    for (int node = 0; node < probe->nodes; node++)
        probe->node[node].host = comm_host(run->ranks.comm, probe->orders.first[node]);
    return 0;
}

char *probe_new_name(const char *dir)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    struct strbuf path = { 0 };

    strbuf_addf(&path, "%s/.mpifetch-doctor-", dir);
    for (int i = 0; i < NAME_RANDOM; i++)
        strbuf_add(&path, &letters[(size_t)(clock_random() * (sizeof(letters) - 1))], 1);
    return strbuf_steal(&path);
}

const char *probe_hosts(const struct probe *probe, char out[PROBE_HOSTS])
{
    int named = 0, more = 0;
    size_t len = 0;

    out[0] = '\0';
    for (int node = 0; node < probe->nodes; node++) {
        if (!probe->node[node].marked)
            continue;
        if (named < HOSTS_NAMED)
            snprintf(out + len, PROBE_HOSTS - len, "%s%s", named++ > 0 ? ", " : "",
                     probe->node[node].host);
        else
            more++;
        len = strlen(out);
    }
    if (more > 0)
        snprintf(out + len, PROBE_HOSTS - len, " and %d more", more);
    return out;
}

const char *probe_word(int outcome)
{
    switch (outcome) {
    case 0:
        return "works";
    case OUTCOME_SILENT:
        return "silent";
    case OUTCOME_WRONG:
        return "wrong";
    default:
        return verdict_refuses(outcome) ? "refused" : "untested";
    }
}

void probe_close(struct probe *probe)
{
    orders_close(&probe->orders);
    results_release(&probe->results);
    strbuf_release(&probe->task);
    free(probe->scratch_own);
    free(probe->node);
    *probe = (struct probe){ 0 };
}
