/* core/plan/node_map.h -- which files each node is to have: a text with a rule in each line.
 *
 *     HOST PATTERN...         for hosts whose name, or its part before the first dot,
 *                             matches HOST
 *     node:LIST PATTERN...    for nodes by number, such as node:0 or node:0-3,6: in the
 *                             order of their lowest ranks, from 0 on
 *
 * Words are separated by blanks. HOST and PATTERN are patterns of base/glob.h; a '?' stands
 * for a blank in a path. A node has what any of its rules names. No host has a ':' in its
 * name, so nothing else begins as a list of numbers does, and '#' is free for comments: lines that
 * begin with it are skipped, as are blank ones, a byte order mark at the beginning, and a
 * CR at the end of a line.
 *
 * Life cycle   zeroed struct; node_map_parse; node_map_place; node_map_release. */
#ifndef CORE_PLAN_NODE_MAP_H
#define CORE_PLAN_NODE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    NODE_MAP_MOST = 1 << 20, /* bytes of a map */
    NODE_MAP_NODES = 65535   /* numbers of nodes are below that */
};

/* Numbers, both included. */
struct node_range {
    uint32_t first, last;
};

struct node_rule {
    const char *who;            /* the first word of its line */
    size_t first_range, ranges; /* by number; no range: who is a pattern of hosts */
    size_t first, count;        /* its patterns, among the words of the map */
    bool placed;                /* some node of the job has it */
};

struct node_map {
    char *text; /* cut into words */
    const char **word;
    bool *met; /* of each word: a pattern that some file has matched */
    size_t words;
    struct node_rule *rule;
    size_t rules;
    struct node_range *range;
    size_t ranges;
};

/* name: of the map, in errors. ERR_USAGE says what is wrong with which line. */
int node_map_parse(struct node_map *map, const char *name, const char *text, size_t len,
                   struct err *err);
void node_map_release(struct node_map *map); /* takes a zeroed struct as well */

/* Whether the rule is for the node with that number, on that host. */
bool node_map_is_for(const struct node_map *map, size_t rule, const char *host,
                     uint32_t number);

/* The job has that node. */
void node_map_place(struct node_map *map, const char *host, uint32_t number);

/* Whether the rule names the file. Notes which of its patterns do. */
bool node_map_gives(struct node_map *map, size_t rule, const char *path);

/* Whether any rule that is placed does. */
bool node_map_keeps(struct node_map *map, const char *path);

#endif
