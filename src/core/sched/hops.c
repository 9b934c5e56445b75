#include "core/sched/hops.h"

#include <stdlib.h>
#include <string.h>

int hops_create(struct hops *hops, const struct segments *segments, int nodes,
                struct err *err)
{
    size_t n = (size_t)nodes;

    *hops = (struct hops){ .segments = segments, .nodes = nodes };
    hops->hop = calloc(n * HOPS_MOST, sizeof(*hops->hop));
    hops->count = calloc(n, sizeof(*hops->count));
    hops->in = calloc(n, sizeof(*hops->in));
    hops->out = calloc(n, sizeof(*hops->out));
    hops->came = calloc(n, sizeof(*hops->came));
    hops->lost = calloc(n, sizeof(*hops->lost));
    if (hops->hop && hops->count && hops->in && hops->out && hops->came && hops->lost)
        return 0;
    hops_release(hops);
    return err_memory(err, "what nodes send each other");
}

void hops_release(struct hops *hops)
{
    free(hops->hop);
    free(hops->count);
    free(hops->in);
    free(hops->out);
    free(hops->came);
    free(hops->lost);
    *hops = (struct hops){ 0 };
}

bool hops_room(const struct hops *hops, int node)
{
    return hops->count[node] < HOPS_MOST;
}

static struct hop *hops_to(const struct hops *hops, int node)
{
    return hops->hop + (size_t)node * HOPS_MOST;
}

void hops_add(struct hops *hops, int from, int to, uint32_t first, uint32_t count)
{
    struct hop *hop = hops_to(hops, to) + hops->count[to]++;

    *hop = (struct hop){ .first = first, .from = (uint16_t)from, .to = (uint16_t)to };
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bytes = segment_bytes(hops->segments, first + i);

        hop->open |= (uint64_t)1 << i;
        hops->bytes += bytes;
        hops->in[to] += bytes;
        hops->out[from] += bytes;
    }
}

static bool brings(const struct hop *hop, uint32_t segment)
{
    return segment >= hop->first && segment - hop->first < 64 &&
           hop->open >> (segment - hop->first) & 1;
}

/* It brings that one no more. A hop without any is replaced by the last of its node. */
static void settle(struct hops *hops, struct hop *hop, uint32_t segment)
{
    uint64_t bytes = segment_bytes(hops->segments, segment);

    hops->bytes -= bytes;
    hops->in[hop->to] -= bytes;
    hops->out[hop->from] -= bytes;
    hop->open &= ~((uint64_t)1 << (segment - hop->first));
    if (hop->open == 0)
        *hop = hops_to(hops, hop->to)[--hops->count[hop->to]];
}

static struct hop *find(const struct hops *hops, int node, uint32_t segment)
{
    for (uint32_t i = 0; i < hops->count[node]; i++)
        if (brings(hops_to(hops, node) + i, segment))
            return hops_to(hops, node) + i;
    return NULL;
}

bool hops_arrived(struct hops *hops, int node, uint32_t segment)
{
    struct hop *hop = find(hops, node, segment);

    if (!hop)
        return false;
    settle(hops, hop, segment);
    hops->came[node] += segment_bytes(hops->segments, segment);
    return true;
}

/* Whoever waits for a node that is lost is lost itself. */
static bool lose_more(struct hops *hops, uint32_t segment, hops_back *back, void *of)
{
    bool more = false;

    for (int node = 0; node < hops->nodes; node++) {
        struct hop *hop = hops->lost[node] ? NULL : find(hops, node, segment);

        if (!hop || !hops->lost[hop->from])
            continue;
        hops->lost[node] = more = true;
        settle(hops, hop, segment);
        back(of, node, segment);
    }
    return more;
}

static void cut(struct hops *hops, struct hop *hop, uint32_t segment, hops_back *back,
                void *of)
{
    int to = hop->to;

    settle(hops, hop, segment);
    back(of, to, segment);
    memset(hops->lost, 0, (size_t)hops->nodes * sizeof(*hops->lost));
    hops->lost[to] = true;
    while (lose_more(hops, segment, back, of))
        ;
}

/* The first segment of the run that it is to bring; run.end: none. */
static uint32_t first_of(const struct hop *hop, struct run run)
{
    uint32_t segment = hop->first > run.first ? hop->first : run.first;

    while (segment < run.end && segment - hop->first < 64 && !brings(hop, segment))
        segment++;
    return segment < run.end && segment - hop->first < 64 ? segment : run.end;
}

bool hops_bring(const struct hops *hops, struct run run)
{
    for (int node = 0; node < hops->nodes; node++)
        for (uint32_t i = 0; i < hops->count[node]; i++)
            if (first_of(hops_to(hops, node) + i, run) != run.end)
                return true;
    return false;
}

void hops_cut(struct hops *hops, int from, int to, struct run run, hops_back *back,
              void *of)
{
    int begin = to == HOPS_ANY ? 0 : to, end = to == HOPS_ANY ? hops->nodes : to + 1;

    for (int node = begin; node < end; node++)
        for (uint32_t i = 0; i < hops->count[node];) {
            struct hop *hop = hops_to(hops, node) + i;
            uint32_t segment = first_of(hop, run);

            if ((from != HOPS_ANY && hop->from != from) || segment == run.end)
                i++;
            else
                cut(hops, hop, segment, back, of);
        }
}
