#include <stdio.h>

#include "base/text.h"
#include "doctor/probe.h"

static const double SECONDS = 1.5; /* of one measurement, about */
static const double PATIENCE = 40; /* for it */

enum {
    FILES_MOST = 20000,     /* of one measurement, all nodes together */
    BYTES_MOST = 256 << 20, /* of one node */
    SHARE_OF_FREE = 100     /* at most one part in so many of what is free */
};

/* A measurement: of files or bytes, from one node or from all. */
struct measurement {
    const char *key, *name;
    bool bytes, all;
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t probe_most_bytes(uint64_t space, int nodes)
{
    return smaller(BYTES_MOST, space / SHARE_OF_FREE / (uint64_t)nodes);
}

void probe_give_rate(struct probe *probe, int node, enum order_command command,
                     uint64_t most, const char *path)
{
    struct order *order = orders_give(&probe->orders, node, 0, command, "", "%s", path);

    order->patience = PATIENCE;
    order->seconds = SECONDS;
    order->most = most;
}

struct total {
    double amount, seconds; /* together, and of the one that took longest */
    double least;           /* rate of the slowest node */
    const char *slowest;    /* its host */
    int count;              /* of those that measured, or were to */
    int outcome;            /* the first that is not 0 */
};

static void add_rate(struct total *total, const struct answer *answer, const char *host)
{
    const struct rateprobe *rate = &answer->rate;
    double own;

    total->count++;
    if (total->outcome == 0)
        total->outcome = answer->outcome;
    if (answer->outcome != 0 || rate->seconds <= 0)
        return;
    own = (double)rate->amount / rate->seconds;
    total->amount += (double)rate->amount;
    if (rate->seconds > total->seconds)
        total->seconds = rate->seconds;
    if (!total->slowest || own < total->least) {
        total->least = own;
        total->slowest = host;
    }
}

static void speed_row(struct probe *probe, const struct measurement *what,
                      const struct total *total)
{
    double rate = total->seconds > 0 ? total->amount / total->seconds : 0;
    double scale = what->bytes ? 1e6 : 1;
    const char *unit = what->bytes ? "MB/s" : "files/s";
    char reason[PROBE_REASON];
    struct results_row *row;

    if (total->outcome != 0 || total->seconds <= 0) {
        results_row(&probe->results, what->key, what->name, probe_word(total->outcome),
                    "%s", verdict_reason(reason, sizeof(reason), total->outcome));
        return;
    }
    if (total->count > 1)
        row = results_row(&probe->results, what->key, what->name, "measured",
                          "%.0f %s in total; slowest: %s with %.0f %s", rate / scale,
                          unit, total->slowest, total->least / scale, unit);
    else
        row = results_row(&probe->results, what->key, what->name, "measured", "%.0f %s",
                          rate / scale, unit);
    row->number = rate;
    row->unit = what->bytes ? "bytes_per_second" : "files_per_second";
}

static int measure_speed(struct probe *probe, const struct measurement *what,
                         struct err *err)
{
    int nodes = what->all ? probe->nodes : 1;
    uint64_t most = what->bytes ? probe_most_bytes(probe->space, nodes)
                                : smaller(FILES_MOST, probe->inodes / SHARE_OF_FREE) /
                                      (uint64_t)nodes;
    struct total total = { .count = 0 };

    if (most == 0) {
        results_row(&probe->results, what->key, what->name, "untested",
                    "not measured: not enough free space");
        return 0;
    }
    for (int node = 0; node < nodes; node++) {
        char path[PATH_MAX + 1];

        snprintf(path, sizeof(path), "%s/%s-%d", probe->own, what->key, node);
        if (!probe->node[node].blind)
            probe_give_rate(probe, node, what->bytes ? ORDER_BYTES : ORDER_FILES, most,
                            path);
    }
    if (orders_carry_out(&probe->orders, err) < 0)
        return -1;
    for (int node = 0; node < nodes; node++)
        if (!probe->node[node].blind)
            add_rate(&total, orders_answer(&probe->orders, node, 0),
                     probe->node[node].host);
    speed_row(probe, what, &total);
    return 0;
}

int probe_speed(struct probe *probe, struct err *err)
{
    static const struct measurement rows[] = {
        { "files_one", "new files, one node", false, false },
        { "files_all", "new files, all nodes", false, true },
        { "bytes_one", "write, one node", true, false },
        { "bytes_all", "write, all nodes", true, true },
    };

    results_section(&probe->results, "speed",
                    "speed (one process per node, what is written is synced)");
    for (size_t i = 0; i < countof(rows); i++)
        if ((!rows[i].all || probe->nodes > 1) && measure_speed(probe, &rows[i], err) < 0)
            return -1;
    return 0;
}
