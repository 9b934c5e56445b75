/* report/report.h -- what a run did: counters of all ranks for a summary on stderr and a
 * JSON report (schema: docs/report.md). */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "core/sched/governor.h"
#include "core/state/stats.h"
#include "ranks/run.h"

enum { REPORT_VERSION = 1 };

enum report_phase {
    REPORT_LIST,   /* asking the source */
    REPORT_STAGE,  /* looking at DEST, building the staging tree */
    REPORT_FETCH,  /* first grant to last segment at its final path */
    REPORT_VERIFY, /* from there to the last digest */
    REPORT_COMMIT, /* sync, one visible step, all nodes see it */
    REPORT_PHASES
};

/* Of one of several nodes that have a copy each. */
struct report_node {
    struct traffic traffic;
    double complete; /* seconds since the fetch began, when it had all; 0: it never had */
};

/* Of a DEST beside them. */
struct report_beside {
    const char *path; /* NULL: there is none; borrowed */
    bool published, unchanged;
    struct err err; /* why not */
    uint64_t bytes; /* that it lacked */
    double seconds; /* to fill and publish it, after the nodes had theirs */
};

struct json_t;

/* Rank 0 fills it as the run goes on. */
struct report {
    struct err err; /* what the run came to */
    bool unchanged, published;
    const char *offline; /* why the source was not compared with, or NULL; borrowed */
    bool verified; /* nothing was to be published, and what exists there is correct */
    int lister;    /* the rank that asked the source for its list */
    uint64_t api_requests; /* revision, listing, probes */
    uint64_t listing_retries;
    uint64_t resolve_requests; /* by rank 0, for signed URLs */
    struct governor_figures connections;
    uint64_t reused_files, reused_bytes;
    uint64_t dropped_files;     /* of the old tree, not in the one published */
    uint64_t to_fetch;          /* bytes */
    uint64_t untrusted;         /* files without a published digest ... */
    uint64_t untrusted_fetched; /* ... and that were not there already */
    bool named; /* the summary says of which source, since there are several */
    bool stale; /* some node did not see the new tree in time */
    double seconds[REPORT_PHASES], total;
    struct stats *ranks;       /* of each rank */
    struct report_node *nodes; /* of each node, if each has a copy of its own, or NULL */
    struct report_beside beside;
};

/* Collective. Counters of all ranks into report->ranks on rank 0. */
int report_gather(struct run *run, struct report *report, struct err *err);

/* Rank 0. */
void report_summary(const struct run *run, const struct report *report);
int report_write(const struct run *run, const struct report *report, const char *path,
                 struct err *err);

/* As it is written, to be released by the caller; NULL: out of memory. */
struct json_t *report_object(const struct run *run, const struct report *report);

/* Bytes that came over the network more than once. */
uint64_t report_duplicated(const struct run *run, const struct report *report);
uint64_t report_sum(const struct run *run, const struct report *report,
                    enum stats_item item);

void report_release(struct report *report);

#endif
