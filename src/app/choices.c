#include "app/choices.h"

#include <string.h>

#include "io/clock.h"
#include "io/process.h"

struct choices {
    double rank_timeout, connect_timeout, speed_time;
    uint64_t limit_rate, speed_limit;
    struct retry_policy retry;
    unsigned connections, max_connections;
    unsigned umask;
    bool sync, no_links;
    /* what keepers of other nodes do as that of rank 0 */
    bool per_node, per_node_segments, per_node_parts, per_node_cached, force, versions,
        commit_record, check, refetch, patterns;
    uint64_t per_node_memory;
    enum run_records records;
    struct stripe_policy stripe;
};

void choices_pack(const struct session *s, struct strbuf *bytes)
{
    const struct run_options *opt = &s->run.opt;
    struct choices all = { .rank_timeout = s->options->rank_timeout,
                           .connect_timeout = opt->connect_timeout,
                           .speed_time = opt->speed_time,
                           .limit_rate = opt->limit_rate,
                           .speed_limit = opt->speed_limit,
                           .retry = opt->retry,
                           .connections = opt->connections,
                           .max_connections = opt->max_connections,
                           .umask = process_umask(),
                           .sync = opt->sync,
                           .no_links = opt->no_links,
                           .per_node = opt->per_node != NULL,
                           .per_node_segments = opt->per_node_segments,
                           .per_node_parts = opt->per_node_parts,
                           .per_node_cached = opt->per_node_cached,
                           .per_node_memory = opt->per_node_memory,
                           .force = opt->force,
                           .versions = opt->versions,
                           .commit_record = opt->commit_record,
                           .check = opt->check,
                           .refetch = opt->refetch,
                           .patterns = opt->patterns,
                           .records = opt->records,
                           .stripe = opt->stripe };

    strbuf_add(bytes, &all, sizeof(all));
}

size_t choices_unpack(struct session *s, const char *bytes, size_t len)
{
    struct run_options *opt = &s->run.opt;
    struct choices all;

    if (len < sizeof(all))
        return 0;
    memcpy(&all, bytes, sizeof(all));
    opt->connect_timeout = all.connect_timeout;
    opt->speed_time = all.speed_time;
    opt->limit_rate = all.limit_rate;
    opt->speed_limit = all.speed_limit;
    opt->retry = all.retry;
    opt->connections = all.connections;
    opt->max_connections = all.max_connections;
    opt->sync = all.sync;
    opt->no_links = all.no_links;
    opt->per_node_segments = all.per_node_segments;
    opt->per_node_parts = all.per_node_parts;
    opt->per_node_cached = all.per_node_cached;
    opt->per_node_memory = all.per_node_memory;
    opt->force = all.force;
    opt->versions = all.versions;
    opt->commit_record = all.commit_record;
    opt->check = all.check;
    opt->refetch = all.refetch;
    opt->patterns = all.patterns;
    opt->records = all.records;
    opt->stripe = all.stripe;
    opt->per_node = all.per_node ? opt->dest : NULL;
    s->run.keeper =
        all.per_node ? comm_node_first(s->run.ranks.comm) : s->run.ranks.rank == 0;
    silence_set(&s->run.ranks.liveness.silence, all.rank_timeout, clock_now());
    if (s->run.ranks.rank != 0) {
        s->umask_before = process_set_umask(all.umask);
        s->umask_changed = true;
    }
    return sizeof(all);
}

void choices_restore(const struct session *s)
{
    if (s->umask_changed)
        process_set_umask(s->umask_before);
}
