#include "core/sched/spread.h"

#include <stdlib.h>
#include <string.h>

#include "core/sched/hops.h"
#include "core/sched/node_set.h"
#include "core/sched/supply.h"

enum {
    NOBODY = -1,
    SLOW = 16 << 20, /* bytes more than the mean */
    RETRIES = 256,   /* of which it is remembered which way they failed */
    LOOKS = 64,      /* segments looked at for one node, before the next has its turn */
    FULL = 4         /* windows that a node may have to send and begin one more ticket */
};

/* A transfer that failed. */
struct retry {
    struct run run;
    int from, to;
};

/* Sets of nodes: those that may get a ticket, those that may cause one, those that one
 * goes to, and a single one. */
enum row { ROW_OPEN, ROW_HUNGRY, ROW_TARGETS, ROW_ALONE, ROWS };

struct spread {
    const struct segments *segments;
    struct spread_policy policy;
    int nodes;
    struct supply supply;
    struct hops hops;
    struct node_set rows;
    uint32_t *cursor; /* of each node: where to look for what is owed to it */
    struct retry retry[RETRIES];
    uint32_t nretries;
    struct spread_tree *tree;
    struct spread_stop *stop;
    struct spread_hop *hop;
};

/* After something has gone out to the node, or has come, or will not come. */
static void look_at_window(struct spread *spread, int node)
{
    uint64_t in = spread->hops.in[node], window = spread->policy.window;
    bool open =
        in < window && hops_room(&spread->hops, node) && !spread->supply.node[node].gone;

    node_set_put(&spread->rows, ROW_OPEN, node, open);
    node_set_put(&spread->rows, ROW_HUNGRY, node, open && in < window / 2);
}

static int allocate(struct spread *spread, struct err *err)
{
    size_t n = (size_t)spread->nodes;

    if (supply_create(&spread->supply, spread->segments, spread->nodes, err) < 0 ||
        node_set_create(&spread->rows, ROWS, spread->nodes, err) < 0 ||
        hops_create(&spread->hops, spread->segments, spread->nodes, err) < 0 ||
        spread_tree_create(&spread->tree, spread->nodes, err) < 0)
        return -1;
    spread->cursor = calloc(n, sizeof(*spread->cursor));
    spread->stop = calloc(n, sizeof(*spread->stop));
    spread->hop = calloc(n, sizeof(*spread->hop));
    if (!spread->cursor || !spread->stop || !spread->hop)
        return err_memory(err, "plan of what nodes send each other");
    return 0;
}

struct spread_policy spread_policy(const struct segments *segments)
{
    uint64_t window = SPREAD_WINDOW_SEGMENTS * segments->size;

    return (struct spread_policy){ .window =
                                       window > SPREAD_WINDOW ? window : SPREAD_WINDOW,
                                   .run = SPREAD_RUN_BYTES };
}

uint64_t spread_longest(const struct segments *segments)
{
    return segments->size > SPREAD_RUN_BYTES ? segments->size : SPREAD_RUN_BYTES;
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
    for (int node = 0; node < nodes; node++)
        look_at_window(spread, node);
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
    node_set_release(&spread->rows);
    hops_release(&spread->hops);
    spread_tree_destroy(spread->tree);
    free(spread->cursor);
    free(spread->stop);
    free(spread->hop);
    free(spread);
}

/* What nodes report. */

void spread_skip(struct spread *spread, int node, uint32_t file)
{
    supply_skip(&spread->supply, node, file);
}

void spread_have(struct spread *spread, int node, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        hops_arrived(&spread->hops, node, i);
        supply_have(&spread->supply, node, i);
    }
    look_at_window(spread, node);
}

static void needed_again(void *of, int node, uint32_t segment)
{
    struct spread *spread = of;

    supply_need(&spread->supply, node, segment);
    look_at_window(spread, node);
}

/* Nobody gets these from the node. */
static void cut_below(struct spread *spread, int node, struct run run)
{
    hops_cut(&spread->hops, node, HOPS_ANY, run, needed_again, spread);
}

void spread_lack(struct spread *spread, int node, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++)
        supply_lack(&spread->supply, node, i);
    cut_below(spread, node, (struct run){ first, first + count });
}

void spread_failed(struct spread *spread, int from, int to, uint32_t first,
                   uint32_t count)
{
    struct retry retry = { .run = { first, first + count }, .from = from, .to = to };

    hops_cut(&spread->hops, from, to, retry.run, needed_again, spread);
    /* If it has come another way meanwhile, those below it wait for this one still. */
    cut_below(spread, to, retry.run);
    if (spread->nretries < RETRIES)
        spread->retry[spread->nretries++] = retry;
}

void spread_drop(struct spread *spread, int node)
{
    struct run all = { 0, spread->segments->count };

    hops_cut(&spread->hops, HOPS_ANY, node, all, needed_again, spread);
    cut_below(spread, node, all);
    supply_drop(&spread->supply, node);
    look_at_window(spread, node);
}

bool spread_withhold(struct spread *spread, uint32_t file)
{
    const uint32_t *first = spread->segments->first;

    supply_withhold(&spread->supply, file);
    return !hops_bring(&spread->hops, (struct run){ first[file], first[file + 1] });
}

void spread_whole(struct spread *spread, uint32_t file)
{
    supply_whole(&spread->supply, file);
}

struct spread_inflow spread_inflow(const struct spread *spread, int node)
{
    const struct hops *hops = &spread->hops;

    return (struct spread_inflow){ .came = hops->came[node],
                                   .coming = hops->in[node],
                                   .lacks =
                                       hops->in[node] + spread->supply.node[node].owed };
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

/* The node that has the segment and has least to send; but not `avoid`, if there is
 * another one. */
static int holder(const struct spread *spread, uint32_t segment, int avoid)
{
    const struct node_set *has = &spread->supply.has;
    const uint64_t *out = spread->hops.out;
    int best = NOBODY;

    for (int node = node_set_next(has, segment, 0); node >= 0;
         node = node_set_next(has, segment, node + 1))
        if (best == NOBODY || best == avoid || (node != avoid && out[node] < out[best]))
            best = node;
    return best;
}

int spread_holder(const struct spread *spread, uint32_t segment)
{
    return holder(spread, segment, NOBODY);
}

/* It has not so much to send that others which depend on it would fill the windows. */
static bool can_begin(const struct spread *spread, int node)
{
    return spread->hops.out[node] < FULL * spread->policy.window;
}

static uint64_t *row(const struct spread *spread, enum row row)
{
    return node_set_row(&spread->rows, row);
}

static bool needed_by(const struct spread *spread, uint32_t segment, enum row by)
{
    const uint64_t *need = node_set_row(&spread->supply.need, segment);
    const uint64_t *some = row(spread, by);

    for (size_t i = 0; i < spread->rows.words; i++)
        if (need[i] & some[i])
            return true;
    return false;
}

/* Those of the row that need the segment. */
static void set_targets(struct spread *spread, uint32_t segment, enum row of)
{
    const uint64_t *need = node_set_row(&spread->supply.need, segment);
    const uint64_t *some = row(spread, of);
    uint64_t *targets = row(spread, ROW_TARGETS);

    for (size_t i = 0; i < spread->rows.words; i++)
        targets[i] = need[i] & some[i];
}

/* The same nodes need that segment too. */
static bool same_targets(const struct spread *spread, uint32_t segment, enum row of)
{
    const uint64_t *need = node_set_row(&spread->supply.need, segment);
    const uint64_t *some = row(spread, of), *targets = row(spread, ROW_TARGETS);

    for (size_t i = 0; i < spread->rows.words; i++)
        if (targets[i] != (need[i] & some[i]))
            return false;
    return true;
}

/* How many neighbours one ticket takes, before `end`. */
static uint32_t run_length(const struct spread *spread, int from, struct run run,
                           enum row of)
{
    uint64_t bytes = segment_bytes(spread->segments, run.first);
    uint32_t at = run.first + 1;

    for (; at - run.first < SPREAD_RUN && at < run.end &&
           supply_has(&spread->supply, from, at) &&
           spread->supply.stage[at] != SUPPLY_WITHHELD;
         at++) {
        bytes += segment_bytes(spread->segments, at);
        if (bytes > spread->policy.run || !same_targets(spread, at, of))
            break;
    }
    return at - run.first;
}

static struct spread_stop stop_of(const struct spread *spread, int node)
{
    return (struct spread_stop){
        .node = node,
        .load = spread->hops.out[node] + spread->supply.node[node].fresh,
        .behind = spread->supply.node[node].owed + spread->hops.in[node],
    };
}

/* Nobody is to wait for a node that has much more to come, or to send, than those that the
 * ticket goes to have on average. */
static void find_slow(struct spread_stop *stop, uint32_t stops)
{
    uint64_t behind = 0, load = 0, others = stops > 1 ? stops - 1 : 1;

    for (uint32_t i = 1; i < stops; i++) {
        behind += stop[i].behind;
        load += stop[i].load;
    }
    behind = behind / others + SLOW;
    load = load / others + SLOW;
    for (uint32_t i = 1; i < stops; i++)
        stop[i].leaf = stop[i].behind > behind || stop[i].load > load;
    stop->leaf = stop->behind > behind;
}

/* What the ticket brings is under way. */
static void account(struct spread *spread, const struct spread_ticket *ticket)
{
    for (uint32_t i = 1; i <= ticket->nhops; i++) {
        const struct spread_stop *stop = &spread->stop[i];

        hops_add(&spread->hops, spread->stop[stop->parent].node, stop->node,
                 ticket->first, ticket->count);
        for (uint32_t k = 0; k < ticket->count; k++)
            supply_expect(&spread->supply, stop->node, ticket->first + k);
        look_at_window(spread, stop->node);
    }
    for (uint32_t k = 0; k < ticket->count; k++)
        supply_begun(&spread->supply, ticket->first + k);
}

/* The beginning of the run goes to those nodes of the row that need its first segment. */
static void write_ticket(struct spread *spread, int from, struct run run, enum row to,
                         struct spread_ticket *ticket)
{
    uint32_t stops = 1;

    set_targets(spread, run.first, to);
    spread->stop[0] = stop_of(spread, from);
    for (int node = node_set_next(&spread->rows, ROW_TARGETS, 0); node >= 0;
         node = node_set_next(&spread->rows, ROW_TARGETS, node + 1))
        spread->stop[stops++] = stop_of(spread, node);
    find_slow(spread->stop, stops);
    spread_tree_grow(spread->tree, spread->stop, stops, spread->hop);
    *ticket = (struct spread_ticket){ .first = run.first,
                                      .count = run_length(spread, from, run, to),
                                      .from = from,
                                      .nhops = stops - 1,
                                      .hop = spread->hop };
    account(spread, ticket);
}

/* Another way for what failed. */
static bool next_retry(struct spread *spread, struct spread_ticket *ticket)
{
    while (spread->nretries > 0) {
        struct retry *retry = &spread->retry[spread->nretries - 1];
        uint32_t segment = retry->run.first;
        int from = NOBODY;

        if (segment == retry->run.end)
            spread->nretries--;
        else if (supply_needs(&spread->supply, retry->to, segment) &&
                 spread->supply.stage[segment] != SUPPLY_WITHHELD)
            from = holder(spread, segment, retry->from);
        if (from != NOBODY && hops_room(&spread->hops, retry->to)) {
            memset(row(spread, ROW_ALONE), 0, spread->rows.words * sizeof(uint64_t));
            node_set_put(&spread->rows, ROW_ALONE, retry->to, true);
            write_ticket(spread, from, retry->run, ROW_ALONE, ticket);
            return true;
        }
        retry->run.first++;
    }
    return false;
}

/* The first ticket for what came to a node: of those that can send, the one that has least
 * to send. */
static bool next_fresh(struct spread *spread, struct spread_ticket *ticket)
{
    const struct supply *supply = &spread->supply;
    struct run run = { .end = spread->segments->count };
    int from = NOBODY;

    for (int node = node_set_next(&supply->listing, 0, 0); node >= 0;
         node = node_set_next(&supply->listing, 0, node + 1)) {
        uint32_t segment;

        if (!can_begin(spread, node) ||
            (from != NOBODY && spread->hops.out[node] >= spread->hops.out[from]))
            continue;
        segment = supply_fresh(&spread->supply, node);
        if (segment == SUPPLY_NONE || !needed_by(spread, segment, ROW_HUNGRY))
            continue;
        from = node;
        run.first = segment;
    }
    if (from != NOBODY)
        write_ticket(spread, from, run, ROW_OPEN, ticket);
    return from != NOBODY;
}

/* What is owed to one node. */
static bool next_owed_to(struct spread *spread, int node, struct spread_ticket *ticket)
{
    uint32_t count = spread->segments->count, *at = &spread->cursor[node];
    uint32_t looks = 0;

    for (uint32_t i = 0; i < count && looks < LOOKS; i++, *at = (*at + 1) % count) {
        int from;

        if (spread->supply.stage[*at] != SUPPLY_OWED ||
            !supply_needs(&spread->supply, node, *at))
            continue;
        looks++;
        from = holder(spread, *at, NOBODY);
        if (!can_begin(spread, from))
            continue;
        write_ticket(spread, from, (struct run){ *at, count }, ROW_OPEN, ticket);
        return true;
    }
    return false;
}

static bool next_owed(struct spread *spread, struct spread_ticket *ticket)
{
    const struct supply *supply = &spread->supply;

    if (supply->owed == 0)
        return false;
    for (int node = node_set_next(&spread->rows, ROW_HUNGRY, 0); node >= 0;
         node = node_set_next(&spread->rows, ROW_HUNGRY, node + 1))
        if (supply->node[node].owed > 0 && next_owed_to(spread, node, ticket))
            return true;
    return false;
}

bool spread_next(struct spread *spread, struct spread_ticket *ticket)
{
    return next_retry(spread, ticket) ||
           (!node_set_is_empty(&spread->rows, ROW_HUNGRY) &&
            (next_fresh(spread, ticket) || next_owed(spread, ticket)));
}
