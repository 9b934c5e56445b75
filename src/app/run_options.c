#include "app/run_options.h"

#include <unistd.h>

#include "core/plan/connection_share.h"

static const double LONGEST_DELAY = 60; /* seconds between two tries */

enum { PER_NODE_MEMORY = 32 << 20 };

static struct stripe_policy stripe_of(int asked)
{
    return (struct stripe_policy){ asked == MPIFETCH_STRIPE_AUTO   ? STRIPE_AUTO
                                   : asked == MPIFETCH_STRIPE_NONE ? STRIPE_NONE
                                                                   : STRIPE_FIXED,
                                   asked > 0 ? (unsigned)asked : 0 };
}

static void set_progress(struct run_options *opt, int asked)
{
    bool terminal = isatty(STDERR_FILENO);

    opt->bar =
        asked == MPIFETCH_PROGRESS_BAR || (asked == MPIFETCH_PROGRESS_AUTO && terminal);
    opt->plain = asked == MPIFETCH_PROGRESS_PLAIN ||
                 (asked == MPIFETCH_PROGRESS_AUTO && !terminal);
}

bool run_options_select(const struct mpifetch_options *o)
{
    return (o->include && *o->include) || (o->exclude && *o->exclude) ||
           (o->per_node && o->per_node_include);
}

void run_options_take(struct run *run, const struct mpifetch_options *o, const char *dest)
{
    struct run_options *opt = &run->opt;

    *opt = (struct run_options){
        .dest = dest,
        .per_node = o->per_node ? dest : NULL,
        .per_node_segments = o->per_node_verify == MPIFETCH_PER_NODE_VERIFY_SEGMENTS,
        .per_node_parts = o->per_node && o->per_node_include,
        .per_node_cached = o->per_node_keep_cached != 0,
        .per_node_memory = o->per_node_memory ? o->per_node_memory : PER_NODE_MEMORY,
        .scratch = o->scratch,
        .user_agent = "mpifetch/" MPIFETCH_VERSION,
        .proxy = o->proxy,
        .cacert = o->cacert,
        .netrc = o->netrc != 0 || o->netrc_file,
        .netrc_file = o->netrc_file,
        .cert = o->cert,
        .key = o->key,
        .resolve = o->resolve,
        .interface = o->interface,
        .connections =
            o->connections ? o->connections : connection_share_default(run->ranks.size),
        .pinned = o->connections > 0,
        .max_connections =
            o->max_connections ? o->max_connections : CONNECTION_SHARE_TOTAL,
        .limit_rate = o->limit_rate,
        .retry = { o->retry_delay, LONGEST_DELAY, o->retries },
        .connect_timeout = o->connect_timeout,
        .speed_time = o->speed_time,
        .speed_limit = o->speed_limit,
        .force = o->force != 0,
        .versions = o->versions != 0,
        .sync = !o->no_sync,
        .no_links = o->no_links != 0,
        .trust = o->trust,
        .ignore_extra = o->ignore_extra,
        .cache = o->layout == MPIFETCH_LAYOUT_HF_CACHE,
        .commit_record = !o->no_trees,
        .check = o->check != 0,
        .refetch = o->force_download != 0,
        .patterns = run_options_select(o),
        .records = (enum run_records)o->records,
        .stripe = stripe_of(o->stripe),
        .progressed = o->progressed,
        .progressed_arg = o->progressed_arg,
    };
    if (!opt->progressed)
        set_progress(opt, o->progress);
}
