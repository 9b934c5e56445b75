#include "app/node_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/fs/fs_input.h"
#include "ranks/background.h"
#include "ranks/nodes.h"
#include "ranks/wants.h"

enum { NAMED = 8 }; /* of one kind */

static const double MAP_PATIENCE = 60; /* seconds for a program behind a pipe */

static int poll_agree(void *arg)
{
    struct run *run = arg;
    struct err err = { 0 };

    return background_poll(&run->ranks, &err);
}

struct map_text {
    struct session *s;
    char *bytes;
    size_t len;
};

static int read_map(void *arg, struct err *err)
{
    struct map_text *text = arg;
    const struct fs_wait wait = { MAP_PATIENCE, poll_agree, &text->s->run };

    if (fs_read_input(text->s->options->per_node_include, NODE_MAP_MOST, &wait,
                      &text->bytes, &text->len, err) == 0)
        return 0;
    if (err->code != ERR_INTERRUPTED)
        err->code = ERR_USAGE;
    return err_wrap(err, "--per-node-include");
}

/* A host of the job, by one of its ranks. */
static struct node_host host_of(const struct ranks *ranks, int rank)
{
    return (struct node_host){ .name = comm_host(ranks->comm, rank),
                               .number = (uint32_t)comm_node(ranks->comm, rank),
                               .node = (uint32_t)nodes_of(ranks, rank) };
}

static bool is_lowest(const struct ranks *ranks, int rank)
{
    return comm_node_lowest(ranks->comm, comm_node(ranks->comm, rank)) == rank;
}

static int place(struct session *s, struct err *err)
{
    const struct ranks *ranks = &s->run.ranks;
    bool any = false;

    for (int rank = 0; rank < ranks->size; rank++) {
        const struct node_host host = host_of(ranks, rank);

        if (is_lowest(ranks, rank))
            node_map_place(&s->map, host.name, host.number);
    }
    for (size_t i = 0; i < s->map.rules; i++)
        any |= s->map.rule[i].placed;
    if (any)
        return 0;
    return err_set(err, ERR_USAGE,
                   "no rule of '%s' is for a node of this job, the first of which is %s",
                   s->options->per_node_include, comm_host(ranks->comm, 0));
}

/* The one tree of one node is what its part is of. */
static int check_nodes(const struct session *s, struct err *err)
{
    if (nodes_spread(&s->run) || !session_has_both(s))
        return 0;
    return err_set(
        err, ERR_USAGE,
        "--per-node-include with a destination beside --per-node, which gets "
        "all files, needs two nodes with disks of their own: use --include, or "
        "start a run for each of the two");
}

int node_parts_open(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    bool reads = run->ranks.rank == 0;
    struct map_text text = { .s = s };
    struct strbuf bytes = { 0 };
    int rc = check_nodes(s, err);

    if (rc == 0 && reads)
        rc = background_run(&run->ranks, read_map, &text, err);

    if (rc == 0 && reads)
        rc = node_map_parse(&s->map, s->options->per_node_include, text.bytes, text.len,
                            err);
    if (rc == 0 && reads)
        rc = place(s, err);
    if (rc == 0 && reads)
        strbuf_add(&bytes, text.bytes, text.len);
    free(text.bytes);
    rc = agree_step(&run->ranks, rc, err);
    if (rc == 0)
        rc = agree_share(&run->ranks, &bytes, err);
    if (rc == 0 && !reads)
        rc = node_map_parse(&s->map, "the map of nodes", bytes.data, bytes.len, err);
    strbuf_release(&bytes);
    return agree_step(&run->ranks, rc, err);
}

bool node_parts_keep(void *arg, const char *path)
{
    struct session *s = arg;

    /* A DEST beside the nodes gets all. */
    return node_map_keeps(&s->map, path) || session_has_both(s);
}

/* of: that node alone; or -1: all. */
static int find(struct session *s, struct node_wants *wants, int of, struct err *err)
{
    const struct ranks *ranks = &s->run.ranks;
    uint32_t nodes = of < 0 ? (uint32_t)nodes_count(ranks) : 1;
    struct node_host *host = calloc((size_t)ranks->size, sizeof(*host));
    size_t hosts = 0;
    int rc;

    if (!host)
        return err_memory(err, "the list of nodes");
    for (int rank = 0; rank < ranks->size; rank++) {
        if (!is_lowest(ranks, rank) || (of >= 0 && nodes_of(ranks, rank) != of))
            continue;
        host[hosts] = host_of(ranks, rank);
        host[hosts].node = of < 0 ? host[hosts].node : 0;
        hosts++;
    }
    rc = node_wants_create(wants, &s->run.plan, nodes, &s->map, host, hosts, err);
    free(host);
    return rc;
}

/* Some names in one line. */
struct names {
    struct strbuf text;
    size_t count;
};

static void add_name(struct names *names, const char *name)
{
    if (names->count++ < NAMED)
        strbuf_addf(&names->text, "%s'%s'", names->text.len > 0 ? ", " : "", name);
}

static void tell(const struct session *s, struct names *names, const char *what)
{
    char more[40] = "";

    if (names->count > NAMED)
        snprintf(more, sizeof(more), " and %zu more", names->count - NAMED);
    if (names->count > 0)
        log_line(&s->run.ranks.log, LOG_WARN, "'%s': %s %s%s",
                 s->options->per_node_include, what, names->text.data, more);
    strbuf_release(&names->text);
}

int node_parts_check(const struct session *s, struct err *err)
{
    bool any = false;

    for (size_t i = 0; i < s->map.words; i++)
        any |= s->map.met[i];
    return any ? 0
               : err_set(err, ERR_SOURCE,
                         "no file of '%s' is named by --per-node-include",
                         plan_text(&s->run.plan, s->run.plan.source));
}

void node_parts_tell(const struct session *s)
{
    const struct node_map *map = &s->map;
    struct names hosts = { 0 }, patterns = { 0 };

    for (size_t i = 0; i < map->rules; i++) {
        const struct node_rule *rule = &map->rule[i];

        if (!rule->placed)
            add_name(&hosts, rule->who);
        for (size_t k = rule->first; rule->placed && k < rule->first + rule->count; k++)
            if (!map->met[k])
                add_name(&patterns, map->word[k]);
    }
    tell(s, &hosts, "no node of this job is");
    tell(s, &patterns, "no file matches");
}

bool node_parts_has_rule(const struct session *s)
{
    const struct ranks *ranks = &s->run.ranks;
    int node = nodes_of(ranks, ranks->rank);
    bool has = false;

    for (int rank = 0; rank < ranks->size; rank++) {
        const struct node_host host = host_of(ranks, rank);

        for (size_t i = 0; i < s->map.rules && !has; i++)
            has = nodes_of(ranks, rank) == node &&
                  node_map_is_for(&s->map, i, host.name, host.number);
    }
    return has;
}

static void add_keeper(const struct session *s, struct names *names, int node)
{
    const struct ranks *ranks = &s->run.ranks;

    add_name(names, comm_host(ranks->comm, nodes_keeper(ranks, node)));
}

void node_parts_tell_bare(const struct session *s, const bool *bare)
{
    struct names without = { 0 };

    for (int node = 0; node < nodes_count(&s->run.ranks); node++)
        if (bare[node])
            add_keeper(s, &without, node);
    tell(s, &without, "no rule is for a node, which has nothing to verify:");
}

static void tell_without(const struct session *s)
{
    struct names without = { 0 };

    for (int node = 0; node < nodes_count(&s->run.ranks); node++)
        if (wants_part_of(&s->run, node).files == 0)
            add_keeper(s, &without, node);
    tell(s, &without, "no file is named for a node, which keeps what it has:");
}

/* Many rules and many files take a while. */
static int find_parts(void *arg, struct err *err)
{
    struct session *s = arg;
    struct run *run = &s->run;

    if (find(s, &run->nodes.mine, nodes_of(&run->ranks, run->ranks.rank), err) < 0)
        return -1;
    if (run->ranks.rank != 0)
        return 0;
    return find(s, &run->nodes.all, -1, err) < 0 ? -1
                                                 : node_wants_group(&run->nodes.all, err);
}

int node_parts_find(struct session *s, struct err *err)
{
    struct ranks *ranks = &s->run.ranks;

    if (background_run(ranks, find_parts, s, err) < 0)
        return -1;
    if (ranks->rank == 0)
        tell_without(s);
    return 0;
}
