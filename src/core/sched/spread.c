#include "core/sched/spread.h"

#include <stdlib.h>
#include <string.h>

#include "core/sched/hops.h"
#include "core/sched/node_set.h"
#include "core/sched/supply.h"

enum {
    NOBODY = -1,
    RETRIES = 256, /* of which it is remembered which way they failed */
    LOOKS = 64 /* segments that are looked at for one node before the next has its turn */
};

struct spread_node {
    uint32_t cursor; /* where to look for what is owed to it */
    double in, out;  /* bytes per second */
};

/* A transfer that failed. */
struct retry {
    struct run run;
    int from, to;
};

struct spread {
    const struct segments *segments;
    struct spread_policy policy;
    int nodes;
    struct supply supply;
    struct hops hops;
    struct node_set scratch; /* rows by enum row */
    struct spread_node *node;
    struct retry retry[RETRIES];
    uint32_t nretries;
    struct spread_tree *tree;
    struct spread_stop *stop;
    struct spread_hop *hop;
};

/* Nodes that may get a ticket, those that may cause one, and those that one goes to. */
enum row { ROW_OPEN, ROW_HUNGRY, ROW_TARGETS, ROWS };

static int allocate(struct spread *spread, struct err *err)
{
    size_t n = (size_t)spread->nodes;

    if (supply_create(&spread->supply, spread->segments, spread->nodes, err) < 0 ||
        node_set_create(&spread->scratch, ROWS, spread->nodes, err) < 0 ||
        hops_create(&spread->hops, spread->segments, spread->nodes, err) < 0 ||
        spread_tree_create(&spread->tree, spread->nodes, err) < 0)
        return -1;
    spread->node = calloc(n, sizeof(*spread->node));
    spread->stop = calloc(n, sizeof(*spread->stop));
    spread->hop = calloc(n, sizeof(*spread->hop));
    if (!spread->node || !spread->stop || !spread->hop)
        return err_memory(err, "plan of what nodes send each other");
    return 0;
}

int spread_create(struct spread **out, const struct segments *segments, int nodes,
                  const struct spread_policy *policy, struct err *err)
{
    struct spread *spread = NULL;
    int rc = -1;

    *out = NULL;
    if (nodes < 1 || nodes > UINT16_MAX)
        return err_set(err, ERR_USAGE, "%d nodes: there must be 1 to %d", nodes,
                       UINT16_MAX);
    spread = calloc(1, sizeof(*spread));
    if (!spread)
        return err_memory(err, "plan of what nodes send each other");
    spread->segments = segments;
    spread->policy = *policy;
    spread->nodes = nodes;
    if (allocate(spread, err) < 0)
        goto out;
    *out = spread;
    spread = NULL;
    rc = 0;
out:
    spread_destroy(spread);
    return rc;
}

void spread_destroy(struct spread *spread)
{
    if (!spread)
        return;
    supply_release(&spread->supply);
    node_set_release(&spread->scratch);
    hops_release(&spread->hops);
    spread_tree_destroy(spread->tree);
    free(spread->node);
    free(spread->stop);
    free(spread->hop);
    free(spread);
}

/* What nodes report. */

void spread_skip(struct spread *spread, int node, uint32_t file)
{
    supply_skip(&spread->supply, node, file);
}

void spread_have(struct spread *spread, int node, uint32_t first, uint32_t count,
                 double now)
{
    (void)now;
    for (uint32_t i = first; i < first + count; i++) {
        hops_arrived(&spread->hops, node, i);
        supply_have(&spread->supply, node, i);
    }
}

void spread_lack(struct spread *spread, int node, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++)
        supply_lack(&spread->supply, node, i);
}

static void needed_again(void *of, int node, uint32_t segment)
{
    struct spread *spread = of;

    supply_need(&spread->supply, node, segment);
}

void spread_failed(struct spread *spread, int from, int to, uint32_t first,
                   uint32_t count, double now)
{
    struct retry retry = { .run = { first, first + count }, .from = from, .to = to };

    (void)now;
    hops_cut(&spread->hops, from, to, retry.run, needed_again, spread);
    if (spread->nretries < RETRIES)
        spread->retry[spread->nretries++] = retry;
}

void spread_speed(struct spread *spread, int node, double in, double out)
{
    spread->node[node].in = in;
    spread->node[node].out = out;
}

void spread_drop(struct spread *spread, int node)
{
    struct run all = { 0, spread->segments->count };

    hops_cut(&spread->hops, HOPS_ANY, node, all, needed_again, spread);
    hops_cut(&spread->hops, node, HOPS_ANY, all, needed_again, spread);
    supply_drop(&spread->supply, node);
}

void spread_whole(struct spread *spread, uint32_t file)
{
    supply_whole(&spread->supply, file);
}

bool spread_anywhere(const struct spread *spread, uint32_t segment)
{
    return spread->supply.stage[segment] != SUPPLY_NOWHERE;
}

bool spread_complete(const struct spread *spread, int node)
{
    return !spread->supply.node[node].gone && spread->supply.node[node].missing == 0;
}

bool spread_finished(const struct spread *spread)
{
    return spread->supply.incomplete == 0;
}

/* Tickets. */

static double seconds(double bytes, double speed)
{
    return speed > 0 ? bytes / speed : bytes;
}

/* How long its link out has to do. */
static double busy_out(const struct spread *spread, int node)
{
    return seconds((double)spread->hops.out[node], spread->node[node].out);
}

/* The node that has the segment and can send it soonest; but not `avoid`, if there is
 * another one. */
static int holder(const struct spread *spread, uint32_t segment, int avoid)
{
    int best = NOBODY;

    for (int node = node_set_next(&spread->supply.has, segment, 0); node >= 0;
         node = node_set_next(&spread->supply.has, segment, node + 1))
        if (best == NOBODY || best == avoid ||
            (node != avoid && busy_out(spread, node) < busy_out(spread, best)))
            best = node;
    return best;
}

/* Which nodes may get tickets, and which may cause some. false: none of those. */
static bool look_at_windows(struct spread *spread)
{
    const struct hops *hops = &spread->hops;
    uint64_t window = spread->policy.window;
    bool any = false;

    for (size_t i = 0; i < 2 * spread->scratch.words; i++)
        spread->scratch.word[i] = 0;
    for (int node = 0; node < spread->nodes; node++) {
        if (spread->supply.node[node].gone || hops->in[node] >= window ||
            !hops_room(hops, node))
            continue;
        node_set_add(&spread->scratch, ROW_OPEN, node);
        if (hops->in[node] >= window / 2)
            continue;
        node_set_add(&spread->scratch, ROW_HUNGRY, node);
        any = true;
    }
    return any;
}

static bool needed_by(const struct spread *spread, uint32_t segment, enum row row)
{
    const uint64_t *one = node_set_row(&spread->supply.need, segment);
    const uint64_t *other = node_set_row(&spread->scratch, row);

    for (size_t i = 0; i < spread->scratch.words; i++)
        if (one[i] & other[i])
            return true;
    return false;
}

static void set_targets(struct spread *spread, uint32_t segment)
{
    const uint64_t *one = node_set_row(&spread->supply.need, segment);
    const uint64_t *other = node_set_row(&spread->scratch, ROW_OPEN);
    uint64_t *targets = node_set_row(&spread->scratch, ROW_TARGETS);

    for (size_t i = 0; i < spread->scratch.words; i++)
        targets[i] = one[i] & other[i];
}

/* The same nodes would get that segment too. */
static bool same_targets(const struct spread *spread, uint32_t segment)
{
    const uint64_t *one = node_set_row(&spread->supply.need, segment);
    const uint64_t *other = node_set_row(&spread->scratch, ROW_OPEN);
    const uint64_t *targets = node_set_row(&spread->scratch, ROW_TARGETS);

    for (size_t i = 0; i < spread->scratch.words; i++)
        if (targets[i] != (one[i] & other[i]))
            return false;
    return true;
}

/* How many neighbours one ticket takes, before `end`. */
static uint32_t run_length(const struct spread *spread, int from, uint32_t first,
                           uint32_t end, uint64_t *bytes)
{
    uint32_t count = 1;

    *bytes = segment_bytes(spread->segments, first);
    while (count < SPREAD_RUN && first + count < end &&
           supply_has(&spread->supply, from, first + count)) {
        uint64_t more = segment_bytes(spread->segments, first + count);

        if (*bytes + more > spread->policy.run || !same_targets(spread, first + count))
            break;
        *bytes += more;
        count++;
    }
    return count;
}

static struct spread_stop stop_of(const struct spread *spread, int node, uint64_t bytes)
{
    const struct spread_node *at = &spread->node[node];

    return (struct spread_stop){
        .node = node,
        .in_free = seconds((double)spread->hops.in[node], at->in),
        .out_free = busy_out(spread, node),
        .in_time = seconds((double)bytes, at->in),
        .out_time = seconds((double)bytes, at->out),
    };
}

/* The run is on its way to those nodes. */
static void take_from_need(struct spread *spread, const struct spread_ticket *ticket)
{
    for (uint32_t i = ticket->first; i < ticket->first + ticket->count; i++) {
        supply_begun(&spread->supply, i);
        for (uint32_t hop = 0; hop < ticket->nhops; hop++)
            supply_expect(&spread->supply, ticket->hop[hop].node, i);
    }
}

/* A ticket for the nodes in ROW_TARGETS. */
static void write_ticket(struct spread *spread, int from, uint32_t first, uint32_t end,
                         struct spread_ticket *ticket)
{
    const struct node_set *rows = &spread->scratch;
    uint32_t stops = 1, count;
    uint64_t bytes;

    count = run_length(spread, from, first, end, &bytes);
    spread->stop[0] = stop_of(spread, from, bytes);
    for (int node = node_set_next(rows, ROW_TARGETS, 0); node >= 0;
         node = node_set_next(rows, ROW_TARGETS, node + 1))
        spread->stop[stops++] = stop_of(spread, node, bytes);
    spread_tree_grow(spread->tree, spread->stop, stops,
                     (double)segment_bytes(spread->segments, first) / (double)bytes,
                     spread->hop);
    *ticket = (struct spread_ticket){ .first = first,
                                      .count = count,
                                      .from = from,
                                      .nhops = stops - 1,
                                      .hop = spread->hop };
    for (uint32_t i = 1; i < stops; i++)
        hops_add(&spread->hops, spread->stop[spread->stop[i].parent].node,
                 spread->stop[i].node, first, count);
    take_from_need(spread, ticket);
}

/* Another way for what failed. */
static bool next_retry(struct spread *spread, struct spread_ticket *ticket)
{
    while (spread->nretries > 0) {
        struct retry *retry = &spread->retry[spread->nretries - 1];
        uint32_t segment = retry->run.first;
        int from;

        if (segment == retry->run.end) {
            spread->nretries--;
            continue;
        }
        from = holder(spread, segment, retry->from);
        if (from == NOBODY || !supply_needs(&spread->supply, retry->to, segment)) {
            retry->run.first++;
            continue;
        }
        if (!hops_room(&spread->hops, retry->to))
            return false;
        memset(spread->scratch.word, 0,
               ROWS * spread->scratch.words * sizeof(*spread->scratch.word));
        node_set_add(&spread->scratch, ROW_OPEN, retry->to);
        node_set_add(&spread->scratch, ROW_TARGETS, retry->to);
        write_ticket(spread, from, segment, retry->run.end, ticket);
        return true;
    }
    return false;
}

/* The first ticket of what came to a node that can send: the one that can soonest. */
static bool next_fresh(struct spread *spread, struct spread_ticket *ticket)
{
    uint32_t first = SUPPLY_NONE;
    int from = NOBODY;

    for (int node = 0; node < spread->nodes; node++) {
        uint32_t segment;

        if (spread->hops.out[node] >= 4 * spread->policy.window ||
            (from != NOBODY && busy_out(spread, node) >= busy_out(spread, from)))
            continue;
        segment = supply_fresh(&spread->supply, node);
        if (segment == SUPPLY_NONE || !needed_by(spread, segment, ROW_HUNGRY))
            continue;
        from = node;
        first = segment;
    }
    if (from == NOBODY)
        return false;
    set_targets(spread, first);
    write_ticket(spread, from, first, spread->segments->count, ticket);
    return true;
}

/* What is owed to one node. */
static bool next_owed_to(struct spread *spread, int node, struct spread_ticket *ticket)
{
    uint32_t count = spread->segments->count, *at = &spread->node[node].cursor;
    uint32_t looks = 0;

    for (uint32_t i = 0; i < count && looks < LOOKS; i++, *at = (*at + 1) % count) {
        int from;

        if (spread->supply.stage[*at] != SUPPLY_OWED ||
            !supply_needs(&spread->supply, node, *at))
            continue;
        looks++;
        from = holder(spread, *at, NOBODY);
        if (spread->hops.out[from] >= 4 * spread->policy.window)
            continue;
        set_targets(spread, *at);
        write_ticket(spread, from, *at, count, ticket);
        return true;
    }
    return false;
}

static bool next_owed(struct spread *spread, struct spread_ticket *ticket)
{
    const struct node_set *rows = &spread->scratch;

    for (int node = node_set_next(rows, ROW_HUNGRY, 0); node >= 0;
         node = node_set_next(rows, ROW_HUNGRY, node + 1))
        if (spread->supply.node[node].owed > 0 && next_owed_to(spread, node, ticket))
            return true;
    return false;
}

bool spread_next(struct spread *spread, double now, struct spread_ticket *ticket)
{
    (void)now;
    return next_retry(spread, ticket) ||
           (look_at_windows(spread) &&
            (next_fresh(spread, ticket) || next_owed(spread, ticket)));
}
