#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "doctor/probe.h"

static const double SHARE_MOST = 10; /* seconds until every node must see a directory */
static const double SIGHT_MOST = 30; /* seconds until a change counts as not seen */

/* Names of two probes on the same kind of change differ in what they begin with. */
static const char sharing[] = "shared", sight_of[] = "sight";

static void give_watch(struct probe *probe, int node, unsigned helper, const char *name,
                       const char *kind, bool after, double seconds)
{
    struct order *order = orders_give(&probe->orders, node, helper, ORDER_WATCH, kind,
                                      "%s/%s-%s", probe->own, name, kind);

    order->after = after;
    order->seconds = seconds;
    order->patience += seconds;
}

/* Those that watch are marked: of each other node that sees our directory its first rank.
 * Where there is no other node, another process of this one. Returns how many. */
static int mark_watchers(struct probe *probe, bool *other_nodes)
{
    int count = 0;

    for (int i = 0; i < probe->nodes; i++) {
        probe->node[i].marked = i > 0 && !probe->node[i].blind;
        count += probe->node[i].marked;
    }
    *other_nodes = count > 0;
    if (count == 0)
        probe->node[0].marked = true;
    return count > 0 ? count : 1;
}

struct sight {
    double seconds;   /* until the last saw it */
    int outcome;      /* the first that is not 0 */
    const char *host; /* of the last to see it, or of the one that did not */
};

/* All watchers look; each one's time counts from when it heard that the change was made.
 */
static int watch(struct probe *probe, const char *kind, bool after, struct sight *sight,
                 struct err *err)
{
    *sight = (struct sight){ .host = probe->node[0].host };
    for (int i = 0; i < probe->nodes; i++)
        if (probe->node[i].marked)
            give_watch(probe, i, i == 0 ? 1 : 0, sight_of, kind, after, SIGHT_MOST);
    if (orders_carry_out(&probe->orders, err) < 0)
        return -1;
    for (int i = 0; i < probe->nodes && sight->outcome == 0; i++) {
        const struct answer *answer = orders_answer(&probe->orders, i, i == 0 ? 1 : 0);

        if (!probe->node[i].marked ||
            (answer->outcome == 0 && answer->seconds < sight->seconds))
            continue;
        *sight = (struct sight){ answer->seconds, answer->outcome, probe->node[i].host };
    }
    return 0;
}

static void sight_row(struct probe *probe, const char *kind, const char *name, int count,
                      const struct sight *sight)
{
    struct results *results = &probe->results;
    char reason[PROBE_REASON];
    struct results_row *row;

    if (sight->outcome == ETIMEDOUT)
        results_row(results, kind, name, "unseen", "not within %.0f s (%s)", SIGHT_MOST,
                    sight->host);
    else if (sight->outcome != 0)
        results_row(results, kind, name, probe_word(sight->outcome), "%s (%s)",
                    verdict_reason(reason, sizeof(reason), sight->outcome), sight->host);
    if (sight->outcome != 0) {
        probe->facts.unseen |= sight->outcome == ETIMEDOUT;
        return;
    }
    row = results_row(results, kind, name, "seen",
                      count > 1 ? "after %.3f s (slowest: %s)" : "after %.3f s (%s)",
                      sight->seconds, sight->host);
    row->number = sight->seconds;
    row->unit = "seconds";
    if (sight->seconds > probe->facts.seen)
        probe->facts.seen = sight->seconds;
}

/* By rank 0. */
static int act(struct probe *probe, enum order_command command, const char *name,
               const char *kind, int *outcome, struct err *err)
{
    orders_give(&probe->orders, 0, 0, command, kind, "%s/%s-%s", probe->own, name, kind);
    if (orders_carry_out(&probe->orders, err) < 0)
        return -1;
    *outcome = orders_answer(&probe->orders, 0, 0)->outcome;
    return 0;
}

/* The watchers look first, so that what their node caches of the old state is cached. */
static int try_one(struct probe *probe, const char *kind, struct sight *sight,
                   struct err *err)
{
    *sight = (struct sight){ .host = probe->node[0].host };
    if (act(probe, ORDER_PREPARE, sight_of, kind, &sight->outcome, err) < 0)
        return -1;
    if (sight->outcome == 0 && watch(probe, kind, false, sight, err) < 0)
        return -1;
    if (sight->outcome == 0 &&
        act(probe, ORDER_CHANGE, sight_of, kind, &sight->outcome, err) < 0)
        return -1;
    return sight->outcome == 0 ? watch(probe, kind, true, sight, err) : 0;
}

int probe_visibility(struct probe *probe, struct err *err)
{
    static const struct {
        const char *kind, *name;
    } rows[] = {
        { "new_file", "a new file" },
        { "renamed_directory", "a renamed directory" },
        { "replaced_file", "a replaced file" },
        { "grown_file", "a file that grew" },
        { "removed_file", "a removed file" },
    };
    bool other_nodes;
    int count = mark_watchers(probe, &other_nodes);

    probe->facts.seen = -1;
    if (other_nodes)
        results_section(&probe->results, "visibility",
                        "time until %d other node%s see%s a change made on %s", count,
                        count == 1 ? "" : "s", count == 1 ? "s" : "",
                        probe->node[0].host);
    else
        results_section(&probe->results, "visibility",
                        "time until another process on the same node sees a change (no "
                        "other node takes part)");
    for (size_t i = 0; i < countof(rows); i++) {
        struct sight sight;

        if (try_one(probe, rows[i].kind, &sight, err) < 0)
            return -1;
        sight_row(probe, rows[i].kind, rows[i].name, count, &sight);
    }
    return 0;
}

static void sharing_row(struct probe *probe, int outcome)
{
    static const char key[] = "shared", name[] = "same directory";
    struct results *results = &probe->results;
    const char *host = probe->node[0].host;
    char hosts[PROBE_HOSTS], reason[PROBE_REASON];
    int blind = probe->facts.blind;

    results_section(results, "sharing", "nodes");
    if (probe->nodes == 1)
        results_row(results, key, name, "untested",
                    "not tested: only one node takes part");
    else if (outcome != 0)
        results_row(results, key, name, "untested",
                    "not tested: %s does not see its own file: %s", host,
                    verdict_reason(reason, sizeof(reason), outcome));
    else if (blind == 0)
        results_row(results, key, name, "works", "all %d nodes see a file made on %s",
                    probe->nodes, host);
    else
        results_row(results, key, name, "wrong",
                    "%d of %d nodes do not see a file made on %s, or do not respond: %s",
                    blind, probe->nodes, host, probe_hosts(probe, hosts));
}

/* The name is fresh, so no cache has denied it yet: who does not see it soon looks at
 * another directory. Where rank 0 itself sees nothing the others are not to blame. */
int probe_sharing(struct probe *probe, struct err *err)
{
    int outcome;

    probe->facts.nodes = probe->nodes;
    if (act(probe, ORDER_PREPARE, sharing, "new_file", &outcome, err) < 0)
        return -1;
    if (outcome == 0) {
        for (int i = 0; i < probe->nodes; i++)
            give_watch(probe, i, 0, sharing, "new_file", false, SHARE_MOST);
        if (orders_carry_out(&probe->orders, err) < 0)
            return -1;
        outcome = orders_answer(&probe->orders, 0, 0)->outcome;
        for (int i = 1; i < probe->nodes; i++) {
            struct probe_node *node = &probe->node[i];

            node->blind = orders_answer(&probe->orders, i, 0)->outcome != 0;
            node->marked = node->blind;
            probe->facts.blind += node->blind && outcome == 0;
        }
        probe->node[0].marked = false;
    }
    sharing_row(probe, outcome);
    return 0;
}
