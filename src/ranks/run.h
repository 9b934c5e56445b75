/* ranks/run.h -- one run, as every part of it sees it on a rank. Plain data, in small
 * structs with one writer each; app/session.c owns it. */
#ifndef RANKS_RUN_H
#define RANKS_RUN_H

#include "base/strbuf.h"
#include "core/plan/node_wants.h"
#include "core/plan/segment.h"
#include "core/plan/stripe.h"
#include "core/sched/retry.h"
#include "core/state/stats.h"
#include "io/fs/fs_dir.h"
#include "ranks/ranks.h"

/* Where the record of a tree goes (staging/record.h). By default inside for hf:// sources,
 * whose tools ignore it there, else beside. */
enum run_records {
    RUN_RECORDS_DEFAULT,
    RUN_RECORDS_INSIDE,
    RUN_RECORDS_BESIDE,
    RUN_RECORDS_NONE
};

struct run_options {
    const char *dest; /* absolute */
    const char
        *per_node; /* DEST, if each node has its own on a disk of its own; or NULL */
    bool per_node_segments;   /* --per-node-verify segments */
    bool per_node_parts;      /* --per-node-include */
    bool per_node_cached;     /* --per-node-keep-cached */
    uint64_t per_node_memory; /* bytes of a keeper for what goes from node to node */
    const char *scratch;      /* asked for, or NULL */
    const char *const *headers;
    const char *user_agent, *proxy, *cacert;
    bool netrc;                 /* credentials of hosts from netrc_file, or ~/.netrc */
    const char *netrc_file;     /* or NULL */
    const char *cert, *key;     /* for the source's own host, or NULL */
    const char *const *resolve; /* or NULL */
    const char *interface;      /* or NULL */
    unsigned connections, max_connections;
    bool pinned; /* the user has chosen `connections` */
    uint64_t limit_rate;
    struct retry_policy retry;
    double connect_timeout, speed_time;
    uint64_t speed_limit;
    bool force, versions, sync;
    const char *const *trust, *const *ignore_extra; /* or NULL */
    bool no_links;      /* unchanged files are copied into the new tree */
    bool cache;         /* layout hf-cache: dest is the root of a cache */
    bool commit_record; /* of the Hub library: write it too */
    bool check;         /* existing files are hashed before they are reused */
    bool refetch;       /* nothing that exists is reused */
    bool patterns;      /* the plan may be a part of what the source has */
    enum run_records records;
    struct stripe_policy stripe;                                   /* rank 0 */
    bool bar, plain;                                               /* progress */
    void (*progressed)(void *arg, uint64_t bytes, uint64_t total); /* in their place */
    void *progressed_arg;
};

/* What a rank needs to reach the source. Written on rank 0 as the source is listed, on
 * the others by share_run. */
struct run_access {
    char *bearer;   /* token for the Hub, or NULL; never logged */
    char *endpoint; /* the origin that may see it */
    char *headers;  /* of rank 0, a line each; header_list points into it. NULL there */
    const char **header_list;
};

/* Where a run builds. Written on rank 0 by resume/claim.c, on the others by share_run. */
struct run_staging {
    char *path; /* directory beside DEST, or in the folder of a repository */
    struct fs_dir
        parent; /* what home lies in: that of DEST, or the folder of a repository */
    struct fs_dir home; /* what path lies in, this user's alone. Whoever takes path away
                         * renames it out of there, so the next ones are names in it */
    struct fs_dir dir;  /* path */
    struct fs_dir tree; /* in path: becomes DEST; or hashed */
    char *hashed;       /* RUN_REHASH: the directory whose files are hashed */
    char *owner;        /* rank 0: all processes of the run (core/state/owner.h) */
    struct heartbeat *heartbeat; /* rank 0: its sign of life in path */
    bool contended;              /* rank 0: another run had, or left, the same content */
    struct resume *resume;       /* rank 0: what former runs left, or NULL */
};

/* With --per-node on several nodes: which of them take part, and what they had before the
 * first request. Written by ranks/outcome.c and app/holdings.c, but for the last two. */
struct run_nodes {
    bool out;        /* the node of this rank has failed, and takes no further part */
    bool *failed;    /* of each node */
    bool has_all;    /* keeper, before its node fails: DEST is there all the same, ... */
    bool *had;       /* ... which is known of each node then */
    struct err *err; /* rank 0, of each node: why it has failed; zeroed: it has not */
    /* Rank 0: neighbouring segments that are in the staging of a node, hash and all. */
    struct run_holding {
        uint32_t node, first, count;
    } * holding;
    size_t holdings;
    uint64_t *sum; /* rank 0, of each segment: its XXH3, where some node holds it */
    /* If each node gets what a map says: what that of this rank wants, as node 0; and on
     * rank 0 what all do. Written by app/node_parts.c. */
    struct node_wants mine, all;
};

/* Another directory with files of the plan, which are read there instead of being asked for:
 * with a DEST beside --per-node each of the two for the other. Written by app/beside.c;
 * coordinate/nearby.c strikes files off. */
struct run_nearby {
    const char *path; /* the same on all ranks; NULL: there is none */
    bool uncached; /* it is not to be in the page cache afterwards, and is not before */
    bool *has;     /* rank 0, of each file; NULL: no file */
    const struct existing_file *known; /* rank 0, of each file that it has: the digest */
};

/* Rank 0: what the other sources of the call are to fetch, and have fetched, for progress. */
struct run_others {
    uint64_t files, bytes, files_done, bytes_done;
};

/* How files are named in the tree: by their paths; or by their entity tags, as in the
 * staging of a cache and, where nothing is fetched, in the cache itself. */
enum run_layout { RUN_PATHS, RUN_BLOBS };

/* RUN_REHASH: nothing is fetched, existing files are hashed where they are. */
enum run_mode { RUN_FETCH, RUN_REHASH };

struct trace;
struct existing_file;

struct run {
    struct ranks ranks;
    struct run_options opt; /* app/run_options.c */
    bool keeper; /* this rank looks at DEST, claims, builds and publishes: rank 0; with
                  * --per-node the keeper of each node (ranks/nodes.h) */

    struct plan plan; /* rank 0: the source; others: share_run */
    struct segments segments;
    int64_t mtime; /* seconds since 1970, of what is published; of rank 0 for all */
    enum run_layout layout; /* publish/cache_stage.c, app/rehash.c; others: share_run */
    enum run_mode mode;     /* app/rehash.c; others: share_run */
    struct run_access access;
    struct run_staging staging;
    struct run_nodes nodes;
    struct run_nearby nearby; /* borrowed */
    struct existing_file
        *existing;   /* keeper: of each file (staging/existing.h), borrowed */
    char *dest;      /* as on rank 0: others may have other current directories */
    char *shown;     /* rank 0: published, by the path that the user named */
    char *published; /* what the run makes visible: DEST, or a snapshot in the cache */

    unsigned slots;      /* transfers of this rank at a time, to begin with */
    unsigned slots_most; /* that rank 0 may ask for */
    struct run_others others;
    struct stats stats;
    struct trace *trace;      /* NULL: rank 0 was asked for none */
    uint64_t memory_at_start; /* bytes */
    double cpu_before;        /* seconds that went into other sources of the call */
};

#endif
