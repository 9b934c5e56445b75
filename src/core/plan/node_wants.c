#include "core/plan/node_wants.h"

#include <stdlib.h>
#include <string.h>

static const uint32_t NONE = UINT32_MAX; /* no group */

void node_wants_release(struct node_wants *wants)
{
    free(wants->bits);
    free(wants->group);
    free(wants->one);
    *wants = (struct node_wants){ 0 };
}

static uint8_t *row_of(const struct node_wants *wants, size_t file)
{
    return wants->bits + file * wants->row;
}

/* The nodes that the rule is for, a bit each. false: none. */
static bool find_nodes(const struct node_wants *wants, const struct node_map *map,
                       size_t rule, const struct node_host *host, size_t hosts,
                       uint8_t *nodes)
{
    bool any = false;

    memset(nodes, 0, wants->row);
    for (size_t i = 0; i < hosts; i++)
        if (node_map_is_for(map, rule, host[i].name, host[i].number)) {
            nodes[host[i].node / 8] |= (uint8_t)(1u << host[i].node % 8);
            any = true;
        }
    return any;
}

static void add_rule(const struct node_wants *wants, struct node_map *map, size_t rule,
                     const uint8_t *nodes)
{
    for (size_t file = 0; file < wants->plan->nfiles; file++) {
        uint8_t *row = row_of(wants, file);

        if (node_map_gives(map, rule, plan_path(wants->plan, file)))
            for (size_t i = 0; i < wants->row; i++)
                row[i] |= nodes[i];
    }
}

int node_wants_create(struct node_wants *wants, const struct plan *plan, uint32_t nodes,
                      struct node_map *map, const struct node_host *host, size_t hosts,
                      struct err *err)
{
    uint8_t *of_rule;

    *wants = (struct node_wants){ .plan = plan, .nodes = nodes, .row = nodes / 8 + 1 };
    wants->bits = calloc(plan->nfiles + 1, wants->row);
    of_rule = malloc(wants->row);
    if (!wants->bits || !of_rule) {
        free(of_rule);
        return err_memory(err, "what each node wants");
    }
    for (size_t rule = 0; rule < map->rules; rule++)
        if (find_nodes(wants, map, rule, host, hosts, of_rule))
            add_rule(wants, map, rule, of_rule);
    free(of_rule);
    return 0;
}

bool node_wants_file(const struct node_wants *wants, uint32_t node, size_t file)
{
    return row_of(wants, file)[node / 8] & 1u << node % 8;
}

struct node_part node_wants_part(const struct node_wants *wants, uint32_t node)
{
    struct node_part part = { 0 };

    for (size_t file = 0; file < wants->plan->nfiles; file++)
        if (node_wants_file(wants, node, file)) {
            part.files++;
            part.bytes += wants->plan->files[file].size;
        }
    return part;
}

/* FNV-1a. */
static uint64_t hash(const uint8_t *bytes, size_t len)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++)
        sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
    return sum;
}

/* The place of the file's group in a table of that size, a power of two with free places. */
static size_t find(const struct node_wants *wants, const uint32_t *table, size_t size,
                   size_t file)
{
    const uint8_t *row = row_of(wants, file);
    size_t at = hash(row, wants->row) & (size - 1);

    while (table[at] != NONE &&
           memcmp(row, row_of(wants, wants->one[table[at]]), wants->row) != 0)
        at = (at + 1) & (size - 1);
    return at;
}

int node_wants_group(struct node_wants *wants, struct err *err)
{
    size_t files = wants->plan->nfiles, size = 2;
    uint32_t *table;

    while (size < 2 * files)
        size *= 2;
    wants->groups = 0;
    wants->group = malloc((files + 1) * sizeof(*wants->group));
    wants->one = malloc((files + 1) * sizeof(*wants->one));
    table = malloc(size * sizeof(*table));
    if (!wants->group || !wants->one || !table) {
        free(table);
        return err_memory(err, "what each node wants");
    }
    memset(table, 0xff, size * sizeof(*table));
    for (size_t file = 0; file < files; file++) {
        size_t at = find(wants, table, size, file);

        if (table[at] == NONE) {
            wants->one[wants->groups] = (uint32_t)file;
            table[at] = wants->groups++;
        }
        wants->group[file] = table[at];
    }
    free(table);
    return 0;
}
