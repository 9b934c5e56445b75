/* mpifetch.h -- fetch, verify and publish files with all ranks of an MPI program.
 *
 *     struct mpifetch_options options;
 *     struct mpifetch_report report;
 *
 *     mpifetch_options_init(&options);
 *     options.source = "hf://acme/demo-model";
 *     options.dest = "/shared/models/demo";
 *     if (mpifetch_get(MPI_COMM_WORLD, &options, &report) != MPIFETCH_OK)
 *         fprintf(stderr, "%s\n", report.error);
 *     else
 *         load(report.path);
 *
 * MPI must be initialised with at least MPI_THREAD_FUNNELED, and calls are made from the
 * thread that did so. Other threads of the caller may run. The library installs no
 * signal handlers, prints nothing unless options.progress or options.verbosity ask for
 * it, and never exits. */
#ifndef MPIFETCH_H
#define MPIFETCH_H

#include <mpi.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MPIFETCH_VERSION_MAJOR 0
#define MPIFETCH_VERSION_MINOR 1
#define MPIFETCH_VERSION_PATCH 0
#define MPIFETCH_VERSION "0.1.0"

#if defined(__GNUC__)
#define MPIFETCH_API __attribute__((visibility("default")))
#else
#define MPIFETCH_API
#endif

/* Results, equal to the exit codes of the program. */
enum mpifetch_status {
    MPIFETCH_OK = 0,
    MPIFETCH_DEFECT = 1,     /* internal error, or an error of no other class */
    MPIFETCH_USAGE = 2,      /* invalid options */
    MPIFETCH_SOURCE = 3,     /* source error: not found, gated, invalid token */
    MPIFETCH_DIGEST = 4,     /* digest mismatch, even after fetching again */
    MPIFETCH_DEST = 5,       /* destination error: space, quota, permission */
    MPIFETCH_NETWORK = 6,    /* network error after all retries */
    MPIFETCH_INTERRUPTED = 7 /* by mpifetch_options.interrupted, or a rank was lost */
};

/* Why, beside the status, where that is known for sure. More may be added. */
enum mpifetch_reason {
    MPIFETCH_REASON_NONE = 0, /* nothing more is known */
    MPIFETCH_REASON_REPOSITORY_NOT_FOUND =
        1,                                  /* or private, and the token may not see it */
    MPIFETCH_REASON_REVISION_NOT_FOUND = 2, /* no such branch, tag or commit */
    MPIFETCH_REASON_ENTRY_NOT_FOUND = 3,    /* no such file or folder */
    MPIFETCH_REASON_GATED = 4,    /* its terms are not accepted, or no token was sent */
    MPIFETCH_REASON_DISABLED = 5, /* by the staff of the Hub */
    MPIFETCH_REASON_BAD_TOKEN = 6,
    MPIFETCH_REASON_UNAUTHORIZED = 7, /* HTTP 401 of another kind */
    MPIFETCH_REASON_FORBIDDEN = 8,    /* HTTP 403 of another kind */
    MPIFETCH_REASON_TOO_MANY_REQUESTS = 9,
    MPIFETCH_REASON_OFFLINE = 10,     /* HF_HUB_OFFLINE is set, and it is not there */
    MPIFETCH_REASON_UNREACHABLE = 11, /* no answer, or the server is out of order */
    MPIFETCH_REASON_DISK_FULL = 12,   /* of the destination, or of scratch */
    MPIFETCH_REASON_QUOTA = 13,
    MPIFETCH_REASON_PERMISSION = 14,
    MPIFETCH_REASON_NOT_OURS = 15, /* files that mpifetch did not create: see force */
    MPIFETCH_REASON_MEMORY = 16,
    MPIFETCH_REASON_RANK_LOST = 17
};

enum mpifetch_progress {
    MPIFETCH_PROGRESS_NONE,
    MPIFETCH_PROGRESS_AUTO, /* bar on a terminal, plain elsewhere */
    MPIFETCH_PROGRESS_BAR,
    MPIFETCH_PROGRESS_PLAIN
};

/* Where the record of a published directory goes: what it was fetched from, and size and
 * digest of each file. */
enum mpifetch_records {
    MPIFETCH_RECORDS_DEFAULT, /* inside for hf:// sources, else beside */
    MPIFETCH_RECORDS_INSIDE,
    MPIFETCH_RECORDS_BESIDE, /* in .NAME.mpifetch beside dest */
    MPIFETCH_RECORDS_NONE    /* the next run has to hash */
};

/* Of mpifetch_options.stripe, which may also be a number of stripes. */
enum mpifetch_stripe {
    MPIFETCH_STRIPE_NONE = -1, /* as the directory says */
    MPIFETCH_STRIPE_AUTO = 0,  /* by the size of the file */
    MPIFETCH_STRIPE_MOST = 2000
};

/* What each node checks of its copy, with per_node. Segments have a checksum of their own as
 * they come from another node, whatever is said here. */
enum mpifetch_per_node_verify {
    MPIFETCH_PER_NODE_VERIFY_FULL,    /* the digest of each file, read from its disk */
    MPIFETCH_PER_NODE_VERIFY_SEGMENTS /* no digest that one node made already */
};

enum mpifetch_layout {
    MPIFETCH_LAYOUT_DIR,     /* dest becomes a directory with the files */
    MPIFETCH_LAYOUT_HF_CACHE /* dest is a cache of the Hub's library; NULL: its own */
};

/* Begin with mpifetch_options_init. Strings and lists are borrowed for the time of the
 * call; lists end in NULL. All ranks pass the same values, but only those of rank 0 are
 * used for what concerns the source; scratch may differ from rank to rank. */
struct mpifetch_options {
    /* what */
    const char *source;   /* hf://..., https://..., file:///...; NULL with a manifest */
    const char *manifest; /* file or URL of a list of files, or NULL */
    const char *base;     /* URL that names in the manifest are relative to, or NULL */
    const char *sha256;   /* for a single URL: its digest in hex, or NULL */
    const char *revision, *repo_type;            /* of the Hub, or NULL */
    const char *const *include, *const *exclude; /* patterns, or NULL */
    /* where */
    const char *dest;
    enum mpifetch_layout layout;
    enum mpifetch_records records; /* layout dir */
    const char *scratch;           /* directory, "none", or NULL to choose */
    /* how */
    const char *token_file, *cacert, *proxy;
    const char *const *headers; /* "Name: value" for the source's own host, or NULL */
    unsigned connections;       /* transfers at a time per rank; 0: choose */
    unsigned max_connections;   /* whole job; 0: choose */
    uint64_t limit_rate;        /* bytes per second, whole job; 0: no limit */
    uint64_t segment_size;      /* bytes, a multiple of 1 MiB; 0: choose */
    unsigned retries;           /* tries after the first, without progress in between */
    double retry_delay;         /* seconds before the first retry; doubles */
    double connect_timeout;     /* seconds */
    uint64_t speed_limit;       /* bytes per second: a transfer slower than this ... */
    double speed_time;          /* ... for so many seconds is aborted and retried */
    double rank_timeout;      /* seconds: a rank silent for so long is considered lost */
    const char *const *trust; /* users whose files are believed unread, or NULL */
    const char *const
        *ignore_extra;  /* patterns of files in dest to be moved away, or NULL */
    int force;          /* replace a destination that mpifetch did not create */
    int versions;       /* destination is a symlink from the start */
    int no_links;       /* an update copies unchanged files instead of linking them */
    int stripe;         /* on Lustre, of a large file; or enum mpifetch_stripe */
    int no_sync;        /* do not wait for disks before publishing */
    int no_trees;       /* without trees/<commit>.json of the Hub library */
    int check;          /* verify existing files before reusing them */
    int require_digest; /* refuse files for which the source has no digest */
    int dry_run;        /* only say what would be done */
    int offline; /* ask no Hub: what is there already must be all, or it is an error */
    /* what is said, on stderr of rank 0 */
    enum mpifetch_progress progress;
    int verbosity;      /* -1 errors only, 0 summary, 1 more, 2 each request */
    const char *report; /* file for a JSON report, or NULL */
    const char *trace;  /* file for a Chrome trace, or NULL */
    /* Asked often, on every rank; not 0 ends the run with MPIFETCH_INTERRUPTED. May be
     * NULL. */
    int (*interrupted)(void *arg);
    void *interrupted_arg;
    /* Called on rank 0 while it fetches, in place of a line of progress: at the beginning, then
     * every quarter of a second. bytes of total have arrived, some of them not yet verified. May
     * be NULL. */
    void (*progressed)(void *arg, uint64_t bytes, uint64_t total);
    void *progressed_arg;
    /* Each node gets a copy of its own at this path. dest may be NULL then, else it is
     * published as well. NULL: one copy, at dest */
    const char *per_node;
    int per_node_optional; /* a node that cannot have one is warned of, no failure */
    enum mpifetch_per_node_verify per_node_verify;
    int per_node_keep_cached; /* leave what was written in the page cache */
    uint64_t per_node_memory; /* bytes for what passes from node to node; 0: 32 MiB */
    int force_download;       /* fetch everything again, whatever is there already */
    const char *endpoint;     /* of the Hub; NULL: HF_ENDPOINT, else the Hub itself */
    /* A file that says which files each node gets (docs/per-node.md). NULL: all of them. Also
     * of mpifetch_verify: nodes without a rule need no copy */
    const char *per_node_include;
    const char *into; /* instead of dest, which is then into/NAMESPACE/NAME; or NULL */
    /* With curl's meaning. Credentials go to the source's own host only, or, with netrc, to
     * the hosts that it names. Files are those of each rank. */
    const char *user;       /* "NAME:PASSWORD", or NULL; with hf:// instead of a token */
    int netrc;              /* ~/.netrc */
    const char *netrc_file; /* or NULL */
    const char *cert, *key; /* PEM files of a client certificate, or NULL */
    const char *const *resolve; /* "HOST:PORT:ADDRESS", or NULL */
    const char *interface;      /* or address, of each rank; NULL: any */
};

/* The same on every rank. */
struct mpifetch_report {
    int status;            /* enum mpifetch_status */
    int rank;              /* which saw the error first; -1: not tried (below) */
    char error[512];       /* one sentence, "" if none */
    char path[4096];       /* what was published: dest, or a snapshot in the cache */
    int unchanged;         /* it was up to date already */
    uint64_t files, bytes; /* of what was published */
    uint64_t bytes_fetched, bytes_duplicated, bytes_reused;
    uint64_t requests, retries;
    double seconds;
    int lost;   /* not 0: a rank was lost, and the communicator is broken (see below) */
    int reason; /* enum mpifetch_reason */
};

MPIFETCH_API void mpifetch_options_init(struct mpifetch_options *options);

/* Collective over comm. Returns enum mpifetch_status, the same on every rank, and fills
 * *report. Unless it returns MPIFETCH_OK nothing new is visible at options->dest; in a
 * cache no branch or tag points to anything new.
 *
 * A rank that does not respond for options->rank_timeout is considered lost: its process
 * or its host is gone or frozen. All others return within about 1.2 times that, plus the
 * time that disks need for writes in progress: MPIFETCH_INTERRUPTED unless it was
 * published before, and report->lost is set. comm cannot be used any more, counters are
 * those of rank 0 alone on rank 0 and 0 on all others, and MPI_Finalize may block
 * forever: print what is to be printed and end the program with _exit or MPI_Abort. */
MPIFETCH_API int mpifetch_get(MPI_Comm comm, const struct mpifetch_options *options,
                              struct mpifetch_report *report);

/* Collective. Several sources in one call: count of options and of reports, one of each for a
 * source. Each has its own members under "what" above, and its own dest, which may not be
 * that of another or inside it; all else is as options[0] says, also where report is
 * written (docs/report.md). per_node and trace are refused.
 *
 * All are listed before anything is fetched: if that fails for one, nothing is fetched. Then each
 * is fetched and published by itself, as by mpifetch_get. If one fails the others are
 * published all the same, unless the call was interrupted or a rank is lost. Returns the
 * highest status in reports. What was not tried has the status of the cause, and rank -1. */
MPIFETCH_API int mpifetch_get_several(MPI_Comm comm,
                                      const struct mpifetch_options *options,
                                      size_t count, struct mpifetch_report *reports);

/* Collective. What mpifetch_get would do, as text on stdout of rank 0. */
MPIFETCH_API int mpifetch_plan(MPI_Comm comm, const struct mpifetch_options *options,
                               struct mpifetch_report *report);

/* Collective. Verify the published tree or the snapshot in a cache of the Hub library at
 * options->dest against its own record, without contacting any source.
 * MPIFETCH_DIGEST if a file is wrong, missing, or not in the record; each is named on
 * stderr of rank 0. Of the options dest, include, exclude, connections and what is said
 * count. */
MPIFETCH_API int mpifetch_verify(MPI_Comm comm, const struct mpifetch_options *options,
                                 struct mpifetch_report *report);

/* "repository-not-found"; "none". Never NULL. */
MPIFETCH_API const char *mpifetch_reason_name(int reason);

/* "0.1.0" */
MPIFETCH_API const char *mpifetch_version(void);

#ifdef __cplusplus
}
#endif

#endif
