/* phase/run.h -- one run, as all phases of a rank see it. Plain data; app/session.c owns
 * it. */
#ifndef PHASE_RUN_H
#define PHASE_RUN_H

#include "base/log.h"
#include "base/strbuf.h"
#include "core/segment.h"
#include "core/stats.h"
#include "io/comm.h"
#include "phase/agree.h"
#include "phase/trace.h"
#include "phase/vigil.h"

struct run_options {
    const char *dest;    /* absolute */
    const char *scratch; /* asked for, or NULL */
    const char *const *headers;
    const char *user_agent, *proxy, *cacert;
    unsigned connections, max_connections;
    uint64_t limit_rate;
    struct retry_policy retry;
    double connect_timeout, speed_time;
    uint64_t speed_limit;
    bool force, versions, sync;
    bool cache;      /* layout hf-cache: dest is the root of a cache */
    bool trees;      /* hf-cache: with the record of all that the commit holds */
    bool check;      /* what is there already is hashed before it is taken */
    bool bar, plain; /* progress */
};

struct aside;
struct beat;
struct resume;

struct run {
    struct comm *comm;
    int rank, size;
    struct log log;
    struct run_options opt;
    bool (*interrupted)(void *arg);
    void *interrupted_arg;
    struct agree agree;
    struct vigil vigil;
    struct aside *aside; /* work of this rank that goes on beside, or NULL */

    struct plan plan;
    struct segments segments;
    int64_t stamp;  /* seconds since 1970: the mtime of what is published */
    char *bearer;   /* token for the Hub, or NULL; never logged */
    char *endpoint; /* the origin that may see it */
    char *headers;  /* of rank 0, a line each, opt.headers points into it; NULL there */
    const char **header_list;
    unsigned slots;  /* transfers of this rank at a time */
    char *dest;      /* as rank 0 sees it: others may stand in other directories */
    char *published; /* what the run makes visible: DEST, or a snapshot in the cache */
    bool rehash;     /* nothing is fetched: files are hashed where they lie */
    bool blobs;    /* files lie in tree under their entity tags; or, with rehash, in tree
                    * as in the folder of a repository in the cache */
    char *staging; /* directory beside DEST, or in the folder of a repository */
    char *tree;    /* in staging: becomes DEST */
    char *spare;   /* in staging: private copies of ranks */
    char *owner;   /* rank 0: all processes of the run, as core/owner.h has them */
    struct beat *beat;     /* rank 0: its sign of life in staging */
    bool contended;        /* rank 0: another run had, or has left, the same content */
    struct resume *resume; /* rank 0: what former runs left, or NULL */

    struct stats stats;
    bool traced; /* rank 0 was asked for a trace */
    struct trace trace;
    uint64_t memory_at_start; /* bytes */
};

#endif
