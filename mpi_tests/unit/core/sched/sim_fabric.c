#include "sim_fabric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/sched/lag.h"

enum { MIB = 1 << 20, BACKLOG = 16 * MIB };

static const double look_every = 0.2;

enum event_kind {
    EVENT_LAND,   /* a lease from the source lies on the node */
    EVENT_TICKET, /* it is at the root */
    EVENT_LEFT,   /* the link of its sender is free of a segment by a ticket */
    EVENT_COME,   /* it is at the hop `at` */
    EVENT_HEARD,  /* rank 0 hears that a node has a segment */
    EVENT_MISSED  /* rank 0 hears that it did not come over */
};

struct event {
    double time;
    uint64_t order; /* of those at the same time */
    enum event_kind kind;
    int node, from;
    uint32_t first, count;
    uint32_t ticket, at;
};

/* In preorder; nodes: of its subtree. */
struct leg {
    int node;
    uint32_t nodes, depth;
};

/* A tree that is under way: leg 0 is the root. */
struct tree {
    struct leg *leg;
    uint32_t legs, first, count;
};

struct station {
    struct sim_link link;
    double out_free, in_free;
    bool gone, fetches;
    uint64_t landed; /* bytes from the source */
    uint64_t leased; /* bytes that it fetches */
};

struct sim_fabric {
    struct sim_fabric_config config;
    struct plan plan;
    struct segments segments;
    struct spread *spread;
    struct station *station;
    struct event *heap;
    size_t events, room;
    uint64_t order;
    struct tree *tree;
    uint32_t trees, tree_room;
    uint8_t *has;     /* node times segment */
    bool *skip;       /* file times node */
    uint8_t *pending; /* each segment is to come from the source */
    uint32_t npending, cursor;
    struct lag *lag;
    struct lag_node *told;
    double now, looked;
    int drops, done;
    struct sim_fabric_result result;
};

static uint64_t dice(struct sim_fabric *sim)
{
    uint64_t x = sim->config.seed += 0x9e3779b97f4a7c15u;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static bool chance(struct sim_fabric *sim, double share)
{
    return share > 0 && (double)(dice(sim) >> 11) / 9007199254740992.0 < share;
}

/* Events. */

static bool is_before(const struct event *one, const struct event *other)
{
    return one->time != other->time ? one->time < other->time : one->order < other->order;
}

static void push(struct sim_fabric *sim, struct event event)
{
    size_t at = sim->events++;

    if (at == sim->room) {
        sim->room = sim->room ? 2 * sim->room : 1024;
        sim->heap = realloc(sim->heap, sim->room * sizeof(*sim->heap));
        assert_non_null(sim->heap);
    }
    event.order = sim->order++;
    for (; at > 0 && is_before(&event, &sim->heap[(at - 1) / 2]); at = (at - 1) / 2)
        sim->heap[at] = sim->heap[(at - 1) / 2];
    sim->heap[at] = event;
}

static struct event pop(struct sim_fabric *sim)
{
    struct event first = sim->heap[0], last = sim->heap[--sim->events];
    size_t at = 0;

    for (size_t child = 1; child < sim->events; child = 2 * at + 1) {
        if (child + 1 < sim->events &&
            is_before(&sim->heap[child + 1], &sim->heap[child]))
            child++;
        if (is_before(&last, &sim->heap[child]))
            break;
        sim->heap[at] = sim->heap[child];
        at = child;
    }
    sim->heap[at] = last;
    return first;
}

/* The source. */

static void fetch(struct sim_fabric *sim, int node)
{
    struct station *station = &sim->station[node];
    uint32_t most = sim->npending / (4 * (uint32_t)sim->config.nodes), count = 0, first;
    uint64_t bytes = 0;

    if (station->gone || station->fetches || station->link.wan <= 0 ||
        sim->npending == 0 || lag_yields(sim->lag, node))
        return;
    if (most > sim->config.lease)
        most = sim->config.lease;
    while (!sim->pending[sim->cursor])
        sim->cursor = (sim->cursor + 1) % sim->segments.count;
    first = sim->cursor;
    do {
        bytes += segment_bytes(&sim->segments, sim->cursor);
        sim->pending[sim->cursor++] = 0;
        sim->npending--;
        count++;
    } while (count < most && sim->cursor < sim->segments.count &&
             sim->pending[sim->cursor]);
    sim->cursor %= sim->segments.count;
    station->fetches = true;
    station->leased = bytes;
    push(sim, (struct event){ .time = sim->now + (double)bytes / station->link.wan,
                              .kind = EVENT_LAND,
                              .node = node,
                              .first = first,
                              .count = count });
}

static uint64_t pending(const struct sim_fabric *sim)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < sim->segments.count; i++)
        bytes += sim->pending[i] ? segment_bytes(&sim->segments, i) : 0;
    return bytes;
}

static void look(struct sim_fabric *sim)
{
    if (sim->config.greedy || sim->now < sim->looked + look_every)
        return;
    sim->looked = sim->now;
    for (int node = 0; node < sim->config.nodes; node++) {
        const struct station *station = &sim->station[node];
        struct spread_inflow inflow = spread_inflow(sim->spread, node);

        sim->told[node] = (struct lag_node){
            .came = inflow.came,
            .coming = inflow.coming,
            .lacks = inflow.lacks,
            .leased = station->leased,
            .left = station->leased,
            .source = station->gone ? 0 : station->link.wan,
        };
    }
    lag_look(sim->lag, sim->told, pending(sim), sim->now);
}

static void fetch_all(struct sim_fabric *sim)
{
    for (int node = 0; node < sim->config.nodes; node++)
        fetch(sim, node);
}

static void fetch_again(struct sim_fabric *sim, uint32_t segment)
{
    if (spread_anywhere(sim->spread, segment) || sim->pending[segment])
        return;
    sim->pending[segment] = 1;
    sim->npending++;
}

/* Nodes. */

static uint8_t *has(struct sim_fabric *sim, int node, uint32_t segment)
{
    return &sim->has[(size_t)node * sim->segments.count + segment];
}

static void tell(struct sim_fabric *sim, int node, uint32_t first, uint32_t count)
{
    push(sim, (struct event){ .time = sim->now + sim->config.latency,
                              .kind = EVENT_HEARD,
                              .node = node,
                              .first = first,
                              .count = count });
}

static double later(double one, double other)
{
    return one > other ? one : other;
}

/* The segment goes to the children of a leg. */
static void pass_on(struct sim_fabric *sim, uint32_t ticket, uint32_t at,
                    uint32_t segment)
{
    struct tree *tree = &sim->tree[ticket];
    struct station *from = &sim->station[tree->leg[at].node];
    double bytes = (double)segment_bytes(&sim->segments, segment);

    for (uint32_t i = at + 1; i < at + tree->leg[at].nodes; i += tree->leg[i].nodes) {
        from->out_free = later(sim->now, from->out_free) + bytes / from->link.out;
        push(sim, (struct event){ .time = from->out_free,
                                  .kind = EVENT_LEFT,
                                  .node = tree->leg[i].node,
                                  .from = tree->leg[at].node,
                                  .first = segment,
                                  .count = 1,
                                  .ticket = ticket,
                                  .at = i });
    }
}

/* Its beginning came as it began to leave. */
static void leave(struct sim_fabric *sim, struct event event)
{
    struct station *to = &sim->station[event.node];
    double bytes = (double)segment_bytes(&sim->segments, event.first);
    double begin = sim->now - bytes / sim->station[event.from].link.out;

    to->in_free = later(begin, to->in_free) + bytes / to->link.in;
    event.time = later(sim->now, to->in_free);
    event.kind = EVENT_COME;
    push(sim, event);
}

static void come(struct sim_fabric *sim, const struct event *event)
{
    if (sim->station[event->node].gone || sim->station[event->from].gone)
        return;
    sim->result.transfers++;
    if (chance(sim, sim->config.corrupt)) {
        struct event missed = *event;

        missed.kind = EVENT_MISSED;
        missed.time = sim->now + sim->config.latency;
        push(sim, missed);
        return;
    }
    if ((*has(sim, event->node, event->first))++)
        sim->result.twice++;
    tell(sim, event->node, event->first, 1);
    pass_on(sim, event->ticket, event->at, event->first);
}

static void land(struct sim_fabric *sim, const struct event *event)
{
    struct station *station = &sim->station[event->node];

    station->fetches = false;
    station->leased = 0;
    if (station->gone) {
        for (uint32_t i = 0; i < event->count; i++)
            fetch_again(sim, event->first + i);
        return;
    }
    for (uint32_t i = 0; i < event->count; i++) {
        *has(sim, event->node, event->first + i) = 1;
        station->landed += segment_bytes(&sim->segments, event->first + i);
        sim->result.fetched++;
    }
    tell(sim, event->node, event->first, event->count);
}

static void drop(struct sim_fabric *sim, int node)
{
    sim->station[node].gone = true;
    memset(has(sim, node, 0), 0, sim->segments.count);
    spread_drop(sim->spread, node);
    for (uint32_t i = 0; i < sim->segments.count; i++) {
        bool fetched = false;

        for (size_t e = 0; e < sim->events; e++)
            fetched |=
                (sim->heap[e].kind == EVENT_LAND || sim->heap[e].kind == EVENT_HEARD) &&
                !sim->station[sim->heap[e].node].gone &&
                i - sim->heap[e].first < sim->heap[e].count;
        if (!fetched)
            fetch_again(sim, i);
    }
}

/* Rank 0. */

static uint32_t keep_tree(struct sim_fabric *sim, const struct spread_ticket *ticket)
{
    struct tree *tree;

    if (sim->trees == sim->tree_room) {
        sim->tree_room = sim->tree_room ? 2 * sim->tree_room : 256;
        sim->tree = realloc(sim->tree, sim->tree_room * sizeof(*sim->tree));
        assert_non_null(sim->tree);
    }
    tree = &sim->tree[sim->trees];
    *tree = (struct tree){ .legs = ticket->nhops + 1,
                           .first = ticket->first,
                           .count = ticket->count,
                           .leg = calloc(ticket->nhops + 1, sizeof(*tree->leg)) };
    assert_non_null(tree->leg);
    tree->leg[0] = (struct leg){ .node = ticket->from, .nodes = tree->legs };
    for (uint32_t i = 1; i < tree->legs; i++) {
        tree->leg[i].node = ticket->hop[i - 1].node;
        tree->leg[i].nodes = ticket->hop[i - 1].nodes;
        for (uint32_t below = 0; below < tree->leg[i].nodes; below++)
            tree->leg[i + below].depth++;
        if (tree->leg[i].depth > sim->result.deepest)
            sim->result.deepest = tree->leg[i].depth;
    }
    return sim->trees++;
}

static void give_tickets(struct sim_fabric *sim)
{
    struct spread_ticket ticket;

    while (spread_next(sim->spread, &ticket)) {
        sim->result.tickets++;
        push(sim, (struct event){ .time = sim->now + sim->config.latency,
                                  .kind = EVENT_TICKET,
                                  .node = ticket.from,
                                  .ticket = keep_tree(sim, &ticket) });
    }
}

static void begin(struct sim_fabric *sim, uint32_t ticket)
{
    const struct tree *tree = &sim->tree[ticket];

    if (!sim->station[tree->leg[0].node].gone)
        for (uint32_t i = 0; i < tree->count; i++)
            pass_on(sim, ticket, 0, tree->first + i);
}

static void hear(struct sim_fabric *sim, const struct event *event)
{
    if (sim->station[event->node].gone)
        return;
    spread_have(sim->spread, event->node, event->first, event->count);
    if (spread_complete(sim->spread, event->node) && ++sim->done < sim->config.nodes)
        sim->result.others = sim->now;
    for (uint32_t i = event->first; i < event->first + event->count; i++)
        if (chance(sim, sim->config.rot) && *has(sim, event->node, i) == 1) {
            *has(sim, event->node, i) = 0;
            spread_lack(sim->spread, event->node, i, 1);
            fetch_again(sim, i);
        }
    if (sim->drops < sim->config.drops && chance(sim, 0.01) && sim->config.nodes > 4)
        drop(sim, sim->drops++);
}

static void act(struct sim_fabric *sim, const struct event *event)
{
    look(sim);
    switch (event->kind) {
    case EVENT_LAND:
        land(sim, event);
        break;
    case EVENT_TICKET:
        begin(sim, event->ticket);
        break;
    case EVENT_LEFT:
        leave(sim, *event);
        return;
    case EVENT_COME:
        come(sim, event);
        return;
    case EVENT_HEARD:
        hear(sim, event);
        give_tickets(sim);
        break;
    case EVENT_MISSED:
        spread_failed(sim->spread, event->from, event->node, event->first, 1);
        give_tickets(sim);
        break;
    }
    if (sim->npending > 0)
        fetch_all(sim);
}

/* Setting up, and the end. */

struct sim_fabric *sim_fabric_create(const struct sim_fabric_config *config,
                                     struct sim_link all)
{
    struct sim_fabric *sim = calloc(1, sizeof(*sim));
    size_t nfiles = 1 + config->small;

    assert_non_null(sim);
    sim->config = *config;
    sim->plan.files = calloc(nfiles, sizeof(*sim->plan.files));
    sim->plan.nfiles = nfiles;
    sim->plan.files[0].size = (uint64_t)config->segments * MIB;
    for (uint32_t i = 1; i < nfiles; i++)
        sim->plan.files[i].size = 1 + dice(sim) % 1000;
    for (uint32_t i = 0; i < nfiles; i++)
        sim->plan.nbytes += sim->plan.files[i].size;
    assert_int_equal(segments_cut(&sim->segments, &sim->plan, MIB, NULL), 0);
    assert_int_equal(
        spread_create(&sim->spread, &sim->segments, config->nodes, &config->policy, NULL),
        0);
    assert_int_equal(lag_create(&sim->lag, config->nodes, BACKLOG, NULL), 0);
    sim->told = calloc((size_t)config->nodes, sizeof(*sim->told));
    sim->station = calloc((size_t)config->nodes, sizeof(*sim->station));
    sim->has = calloc((size_t)config->nodes, sim->segments.count);
    sim->skip = calloc(nfiles, (size_t)config->nodes);
    sim->pending = malloc(sim->segments.count);
    memset(sim->pending, 1, sim->segments.count);
    sim->npending = sim->segments.count;
    for (int node = 0; node < config->nodes; node++) {
        sim->station[node].link = all;
        for (uint32_t file = 0; file < nfiles; file++)
            if (chance(sim, config->skip)) {
                spread_skip(sim->spread, node, file);
                sim->skip[file * (size_t)config->nodes + (size_t)node] = true;
            }
    }
    return sim;
}

void sim_fabric_link(struct sim_fabric *sim, int node, struct sim_link link)
{
    sim->station[node].link = link;
}

/* No plan can be faster than that, with what each has fetched itself. */
static double bound(const struct sim_fabric *sim)
{
    double bytes = (double)sim->plan.nbytes, wan = 0, in = 0, out = 0, bound;

    for (int node = 0; node < sim->config.nodes; node++) {
        wan += sim->station[node].link.wan;
        out += sim->station[node].link.out;
        in += bytes - (double)sim->station[node].landed;
    }
    bound = later(bytes / wan, in / out);
    for (int node = 0; node < sim->config.nodes; node++) {
        const struct station *at = &sim->station[node];

        bound = later(bound, (bytes - (double)at->landed) / at->link.in);
        if (sim->config.nodes > 1)
            bound = later(bound, (double)at->landed / at->link.out);
    }
    return bound;
}

static double lesser(double one, double other)
{
    return one < other ? one : other;
}

/* Who fetches more than it can pass on fetches in vain, and what a node has not fetched comes
 * by its link from the others. */
static double ideal(const struct sim_fabric *sim)
{
    double bytes = (double)sim->plan.nbytes, sum = 0, in = 0, ideal = 0;

    for (int node = 0; node < sim->config.nodes; node++) {
        const struct sim_link *link = &sim->station[node].link;
        double fetched = sim->config.nodes > 1 ? lesser(link->wan, link->out) : link->wan;

        sum += fetched;
        in += link->in;
        ideal = later(ideal, bytes / (fetched + link->in));
    }
    ideal = later(ideal, bytes / sum);
    return later(ideal, bytes * (sim->config.nodes - 1) / in);
}

static bool skips(const struct sim_fabric *sim, int node, uint32_t segment)
{
    return sim->skip[(size_t)sim->segments.file[segment] * (size_t)sim->config.nodes +
                     (size_t)node];
}

struct sim_fabric_result sim_fabric_run(struct sim_fabric *sim)
{
    fetch_all(sim);
    while (!spread_finished(sim->spread)) {
        struct event event;

        assert_true(sim->events > 0); /* else nothing would ever come */
        event = pop(sim);
        sim->now = event.time;
        act(sim, &event);
    }
    for (int node = 0; node < sim->config.nodes; node++)
        for (uint32_t i = 0; !sim->station[node].gone && i < sim->segments.count; i++)
            assert_true(*has(sim, node, i) || skips(sim, node, i));
    sim->result.took = sim->now;
    sim->result.bound = bound(sim);
    sim->result.ideal = ideal(sim);
    return sim->result;
}

void sim_fabric_destroy(struct sim_fabric *sim)
{
    for (uint32_t i = 0; i < sim->trees; i++)
        free(sim->tree[i].leg);
    free(sim->tree);
    free(sim->heap);
    free(sim->station);
    free(sim->told);
    lag_destroy(sim->lag);
    free(sim->has);
    free(sim->pending);
    free(sim->skip);
    spread_destroy(sim->spread);
    segments_release(&sim->segments);
    free(sim->plan.files);
    free(sim);
}
