/* app/session_state.h -- the state of one call of the library, for the steps that
 * app/session.h calls. */
#ifndef APP_SESSION_STATE_H
#define APP_SESSION_STATE_H

#include "base/glob.h"
#include "coordinate/coordinator.h"
#include "core/plan/node_map.h"
#include "fetch/worker.h"
#include "io/http/http.h"
#include "mpifetch.h"
#include "publish/target.h"
#include "publish/visibility.h"
#include "ranks/delegate.h"
#include "ranks/errands.h"
#include "report/report_list.h"
#include "report/trace.h"

enum session_task {
    SESSION_GET,
    SESSION_PLAN,
    SESSION_VERIFY,
    SESSION_CLEAN,
    SESSION_BARE /* of the ranks alone: DEST is for the caller to look at */
};

struct beside;

struct session {
    const struct mpifetch_options *options;
    enum session_task task;
    const char *offline; /* rank 0: what forbids to ask the Hub, or NULL */
    struct err
        unreachable;      /* rank 0: why the Hub could not be asked, if so: then what DEST
                             * has counts, if it is complete, and offline is set */
    char seen[41];        /* rank 0: the commit that the Hub named before, or "" */
    bool only_plan;       /* only say what would be done; DEST may be missing. After
                     * course_claim it is that of rank 0: environments may differ */
    char *login;          /* the header of --user, or NULL; never logged */
    const char **headers; /* those of options, and login; or NULL */
    size_t sources;       /* of the call */
    struct report_list *rows; /* rank 0: the reports of several sources, ... */
    size_t row; /* ... of which this is that of s; NULL: it is the only one */
    struct trace_text *traces; /* the same, of traces */
    struct run run;
    struct trace trace;
    struct report report;
    struct plan whole;       /* keeper: all files of the commit, if there are more than in
                           * the plan, or if they are to be recorded */
    struct node_map map;     /* which files each node gets; zeroed: all of them */
    struct target target;    /* keeper */
    struct http *http;       /* rank 0: listing and resolving */
    struct http *transfers;  /* of the worker; NULL: there was none yet */
    unsigned transfers_most; /* at a time */
    struct delegate *delegate; /* rank 0 of several nodes: who does it if it cannot */
    struct errands *errands;   /* other ranks: the same */
    unsigned *slots;           /* of each rank */
    char *dest;   /* absolute, without symbolic links in front of its last part */
    char *named;  /* DEST as the user named it, but absolute */
    char *source; /* rank 0: the source, absolute if it is a path */
    struct coordinator *coordinator;
    struct worker *worker;
    struct visibility_mark mark;
    struct beside
        *beside; /* app/beside.c: with --per-node, of a DEST that was given too */
    bool part;   /* the call does more: its outcome is not certain at the end */
    double began, phase_began;
    uint64_t resumed;      /* bytes that this keeper has verified (app/holdings.h) */
    unsigned umask_before; /* app/choices.c */
    bool umask_changed;
};

/* Whether a copy on each node is asked for, and a DEST beside them. */
bool session_has_both(const struct session *s);

/* The phase ends: the time since the end of the phase before is its duration. */
void session_end_phase(struct session *s, enum report_phase phase);

/* As agree_settle, unless the call does more than this session. */
void session_settle(struct session *s);

/* Rank 0: run.shown of what is published, or is about to be; "" for nothing. */
const char *session_show(struct session *s);

/* Into out: the source as the user named it, or for verify DEST, without secrets. */
const char *session_source(const struct mpifetch_options *options, char *out,
                           size_t size);

/* A list of options as patterns; borrowed. */
struct glob_list session_globs(const char *const *list);

/* Rank 0: cut the plan into segments. */
int session_cut(struct session *s, struct err *err);

/* Create the coordinator, on rank 0, and the worker. existing: as in
 * coordinator_create. */
int session_make_parts(struct session *s, struct existing_file *existing,
                       struct err *err);

#endif
