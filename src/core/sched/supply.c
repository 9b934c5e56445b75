#include "core/sched/supply.h"

#include <stdlib.h>

const uint32_t SUPPLY_NONE = UINT32_MAX;

static void miss(struct supply *supply, int node)
{
    if (supply->node[node].missing++ == 0)
        supply->incomplete++;
}

static void miss_no_more(struct supply *supply, int node)
{
    if (--supply->node[node].missing == 0)
        supply->incomplete--;
}

static int allocate(struct supply *supply, struct err *err)
{
    size_t count = supply->segments->count, files = supply->segments->plan->nfiles;
    int nodes = supply->nodes;

    if (node_set_create(&supply->has, count, nodes, err) < 0 ||
        node_set_create(&supply->need, count, nodes, err) < 0 ||
        node_set_create(&supply->skip, files, nodes, err) < 0 ||
        node_set_create(&supply->listing, 1, nodes, err) < 0)
        return -1;
    supply->node = calloc((size_t)nodes, sizeof(*supply->node));
    supply->stage = calloc(count + 1, sizeof(*supply->stage));
    supply->listed = calloc(count + 1, sizeof(*supply->listed));
    supply->next = calloc(count + 1, sizeof(*supply->next));
    if (!supply->node || !supply->stage || !supply->listed || !supply->next)
        return err_memory(err, "what nodes have");
    return 0;
}

int supply_create(struct supply *supply, const struct segments *segments, int nodes,
                  struct err *err)
{
    uint32_t count = 0;

    *supply = (struct supply){ .segments = segments, .nodes = nodes };
    if (allocate(supply, err) < 0) {
        supply_release(supply);
        return -1;
    }
    for (uint32_t segment = 0; segment < segments->count; segment++) {
        if (segment_bytes(segments, segment) == 0)
            continue;
        node_set_fill(&supply->need, segment);
        count++;
    }
    for (int node = 0; node < nodes; node++) {
        supply->node[node].head = supply->node[node].tail = SUPPLY_NONE;
        supply->node[node].missing = count;
    }
    supply->incomplete = count > 0 ? nodes : 0;
    return 0;
}

void supply_release(struct supply *supply)
{
    node_set_release(&supply->has);
    node_set_release(&supply->need);
    node_set_release(&supply->skip);
    node_set_release(&supply->listing);
    free(supply->node);
    free(supply->stage);
    free(supply->listed);
    free(supply->next);
    *supply = (struct supply){ 0 };
}

bool supply_has(const struct supply *supply, int node, uint32_t segment)
{
    return node_set_has(&supply->has, segment, node);
}

bool supply_needs(const struct supply *supply, int node, uint32_t segment)
{
    return node_set_has(&supply->need, segment, node);
}

/* Modulo 2^64, to take back too. */
static void owe(struct supply *supply, int node, uint64_t bytes)
{
    supply->node[node].owed += bytes;
    supply->owed += bytes;
}

void supply_need(struct supply *supply, int node, uint32_t segment)
{
    if (supply->node[node].gone || supply_needs(supply, node, segment))
        return;
    node_set_add(&supply->need, segment, node);
    if (supply->stage[segment] == SUPPLY_OWED)
        owe(supply, node, segment_bytes(supply->segments, segment));
}

void supply_expect(struct supply *supply, int node, uint32_t segment)
{
    if (!supply_needs(supply, node, segment))
        return;
    node_set_remove(&supply->need, segment, node);
    if (supply->stage[segment] == SUPPLY_OWED)
        owe(supply, node, 0 - segment_bytes(supply->segments, segment));
}

static void set_stage(struct supply *supply, uint32_t segment, enum supply_stage stage)
{
    bool was = supply->stage[segment] == SUPPLY_OWED, is = stage == SUPPLY_OWED;
    uint64_t bytes = segment_bytes(supply->segments, segment);

    supply->stage[segment] = (uint8_t)stage;
    if (was == is)
        return;
    for (int node = node_set_next(&supply->need, segment, 0); node >= 0;
         node = node_set_next(&supply->need, segment, node + 1))
        owe(supply, node, is ? bytes : 0 - bytes);
}

void supply_begun(struct supply *supply, uint32_t segment)
{
    if (supply->stage[segment] == SUPPLY_FRESH)
        set_stage(supply, segment, SUPPLY_OWED);
}

static void list_fresh(struct supply *supply, int node, uint32_t segment)
{
    struct supply_node *at = &supply->node[node];

    /* From an earlier time it may still be in a list, which passes over it. */
    if (supply->listed[segment]) {
        set_stage(supply, segment, SUPPLY_OWED);
        return;
    }
    set_stage(supply, segment, SUPPLY_FRESH);
    supply->listed[segment] = true;
    supply->next[segment] = SUPPLY_NONE;
    if (at->head == SUPPLY_NONE)
        at->head = segment;
    else
        supply->next[at->tail] = segment;
    at->tail = segment;
    at->fresh += segment_bytes(supply->segments, segment);
    node_set_add(&supply->listing, 0, node);
}

uint32_t supply_fresh(struct supply *supply, int node)
{
    struct supply_node *at = &supply->node[node];

    while (at->head != SUPPLY_NONE) {
        uint32_t segment = at->head;
        bool fresh = supply->stage[segment] == SUPPLY_FRESH;

        if (fresh && supply_has(supply, node, segment) &&
            !node_set_is_empty(&supply->need, segment))
            return segment;
        at->head = supply->next[segment];
        at->fresh -= segment_bytes(supply->segments, segment);
        supply->listed[segment] = false;
        if (fresh)
            set_stage(supply, segment, SUPPLY_OWED);
    }
    node_set_remove(&supply->listing, 0, node);
    return SUPPLY_NONE;
}

static void unlist(struct supply *supply, int node, uint32_t file)
{
    struct supply_node *at = &supply->node[node];
    uint32_t segment = at->head, next;

    at->head = at->tail = SUPPLY_NONE;
    for (; segment != SUPPLY_NONE; segment = next) {
        next = supply->next[segment];
        supply->next[segment] = SUPPLY_NONE;
        if (supply->segments->file[segment] == file) {
            at->fresh -= segment_bytes(supply->segments, segment);
            supply->listed[segment] = false;
            continue;
        }
        if (at->head == SUPPLY_NONE)
            at->head = segment;
        else
            supply->next[at->tail] = segment;
        at->tail = segment;
    }
}

void supply_withhold(struct supply *supply, uint32_t file)
{
    const uint32_t *first = supply->segments->first;

    for (int node = 0; node < supply->nodes; node++)
        unlist(supply, node, file);
    for (uint32_t segment = first[file]; segment < first[file + 1]; segment++)
        if (supply->stage[segment] != SUPPLY_NOWHERE)
            set_stage(supply, segment, SUPPLY_WITHHELD);
}

static bool wants(const struct supply *supply, int node, uint32_t segment)
{
    return !node_set_has(&supply->skip, supply->segments->file[segment], node);
}

/* It wants that one no more. */
static void renounce(struct supply *supply, int node, uint32_t segment)
{
    if (!supply_needs(supply, node, segment))
        return;
    supply_expect(supply, node, segment);
    miss_no_more(supply, node);
}

void supply_skip(struct supply *supply, int node, uint32_t file)
{
    const uint32_t *first = supply->segments->first;

    node_set_add(&supply->skip, file, node);
    for (uint32_t segment = first[file]; segment < first[file + 1]; segment++)
        renounce(supply, node, segment);
}

void supply_have(struct supply *supply, int node, uint32_t segment)
{
    if (supply->node[node].gone || supply_has(supply, node, segment) ||
        segment_bytes(supply->segments, segment) == 0)
        return;
    supply_expect(supply, node, segment);
    if (wants(supply, node, segment))
        miss_no_more(supply, node);
    node_set_add(&supply->has, segment, node);
    if (supply->stage[segment] == SUPPLY_NOWHERE)
        list_fresh(supply, node, segment);
}

static void forget(struct supply *supply, int node, uint32_t segment)
{
    node_set_remove(&supply->has, segment, node);
    if (node_set_is_empty(&supply->has, segment))
        set_stage(supply, segment, SUPPLY_NOWHERE);
}

void supply_lack(struct supply *supply, int node, uint32_t segment)
{
    if (!supply_has(supply, node, segment))
        return;
    forget(supply, node, segment);
    if (!wants(supply, node, segment))
        return;
    supply_need(supply, node, segment);
    miss(supply, node);
}

void supply_drop(struct supply *supply, int node)
{
    struct supply_node *at = &supply->node[node];

    for (uint32_t segment = 0; segment < supply->segments->count; segment++) {
        supply_expect(supply, node, segment);
        if (supply_has(supply, node, segment))
            forget(supply, node, segment);
    }
    supply_fresh(supply, node); /* others may have what waits there */
    supply->incomplete -= at->missing > 0;
    at->missing = 0;
    at->gone = true;
}

void supply_whole(struct supply *supply, uint32_t file)
{
    const uint32_t *first = supply->segments->first;

    for (int node = 0; node < supply->nodes; node++)
        for (uint32_t segment = first[file]; segment < first[file + 1]; segment++) {
            supply_lack(supply, node, segment);
            if (segment > first[file])
                renounce(supply, node, segment);
        }
}
