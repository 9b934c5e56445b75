#include "app/session.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/check.h"
#include "app/choices.h"
#include "app/login.h"
#include "app/node_parts.h"
#include "app/per_node.h"
#include "app/run_options.h"
#include "app/same_call.h"
#include "app/same_disk.h"
#include "app/sharing.h"
#include "core/plan/connection_share.h"
#include "fetch/engine.h"
#include "io/clock.h"
#include "io/credentials.h"
#include "io/heartbeat.h"
#include "io/mpi/comm_mpi.h"
#include "ranks/background.h"
#include "ranks/nodes.h"
#include "ranks/outcome.h"
#include "ranks/owners.h"
#include "ranks/share.h"
#include "report/trace.h"
#include "resume/claim.h"
#include "resume/resume.h"
#include "staging/staging.h"

/* Seconds: the others have received everything but the last message by then. */
static const double CLOSE_PATIENCE = 20;

enum { QUESTIONS = 8 }; /* of rank 0, to the source, at a time */

static bool is_interrupted(void *arg)
{
    const struct session *s = arg;

    return s->options->interrupted &&
           s->options->interrupted(s->options->interrupted_arg);
}

/* If another run took over the staging, a rank may have seen only that a
 * file is missing. */
static void explain(void *arg, struct err *err)
{
    claim_explain(arg, err);
}

static void set_log(struct session *s)
{
    static const enum log_level levels[] = { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
    int index = s->options->verbosity + 1;

    s->run.ranks.log =
        (struct log){ .level = levels[index < 0   ? 0
                                      : index > 3 ? 3
                                                  : index],
                      .rank = s->run.ranks.rank == 0 ? -1 : s->run.ranks.rank,
                      .bar = s->run.opt.bar };
}

static int set_slots(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    int *node = calloc((size_t)run->ranks.size, sizeof(*node));

    unsigned *most = calloc((size_t)run->ranks.size, sizeof(*most));
    int rc = -1;

    s->slots = calloc((size_t)run->ranks.size, sizeof(*s->slots));
    if (!node || !most || !s->slots) {
        err_memory(err, "the list of ranks");
        goto out;
    }
    for (int i = 0; i < run->ranks.size; i++) {
        node[i] = comm_node(run->ranks.comm, i);
        most[i] = run->opt.connections;
    }
    connection_share_slots(node, most, run->ranks.size, run->opt.max_connections,
                           s->slots);
    run->slots = s->slots[run->ranks.rank];
    run->slots_most =
        connection_share_most(run->slots, run->opt.max_connections, run->opt.pinned);
    rc = 0;
out:
    free(node);
    free(most);
    return rc;
}

static int make_http(void *arg, struct http **http, struct err *err)
{
    const struct session *s = arg;
    unsigned most = s->run.opt.max_connections;

    return engine_open(http, &s->run, most < QUESTIONS ? most : QUESTIONS, err);
}

static int open_questions(struct session *s, struct err *err)
{
    struct ranks *ranks = &s->run.ranks;

    if (ranks->rank != 0)
        return errands_open(&s->errands, ranks, make_http, s, err);
    return make_http(s, &s->http, err) < 0
               ? -1
               : delegate_open(&s->delegate, ranks, s->http, err);
}

struct start {
    struct session *s;
    struct strbuf bytes; /* of rank 0 */
    size_t named;        /* where in bytes the path begins that it names */
};

static int resolve(void *arg, struct err *err)
{
    struct start *start = arg;
    struct session *s = start->s;
    int rc = check_named(s, start->bytes.data + start->named,
                         start->bytes.len - start->named, err);

    s->run.opt.dest = s->run.opt.per_node = s->dest;
    return rc;
}

/* Whether all make the same call; and what rank 0 decides. */
static int take_start(struct start *start, struct err *err)
{
    const struct strbuf *bytes = &start->bytes;
    struct session *s = start->s;
    size_t call = 0, choices;

    if (same_call_unpack(s, bytes->data, bytes->len, &call, err) < 0)
        return -1;
    choices = choices_unpack(s, bytes->data + call, bytes->len - call);
    if (choices == 0)
        return err_set(err, ERR_DEFECT, "rank 0 runs a different build of mpifetch");
    start->named = call + choices;
    if (s->run.ranks.rank == 0 || !s->run.opt.per_node)
        return 0;
    return background_run(&s->run.ranks, resolve, start, err);
}

/* A rank that waits less than the others would give up too early, one that does not sync
 * would break what they promise. */
static int share_start(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    struct start start = { .s = s };
    int rc;

    if (run->ranks.rank == 0) {
        same_call_pack(s, &start.bytes);
        choices_pack(s, &start.bytes);
        if (run->opt.per_node)
            strbuf_adds(&start.bytes, s->named);
    }
    rc = agree_share(&run->ranks, &start.bytes, err);
    if (rc == 0)
        rc = take_start(&start, err);
    if (rc == 0)
        rc = set_slots(s, err);
    strbuf_release(&start.bytes);
    if (agree_step(&run->ranks, rc, err) < 0)
        return -1;
    if (s->task == SESSION_GET && nodes_spread(run) && same_disk_find(s, err) < 0)
        return -1;
    if (run->opt.per_node_parts && s->task != SESSION_CLEAN && s->task != SESSION_BARE &&
        node_parts_open(s, err) < 0)
        return -1;
    rc = nodes_spread(run) ? outcome_open(run, err) : 0;
    return agree_step(&run->ranks, rc, err);
}

static int check(void *arg, struct err *err)
{
    return check_places(arg, err);
}

int session_open(struct session *s, MPI_Comm comm, const struct mpifetch_options *options,
                 size_t sources, enum session_task task, struct err *err)
{
    struct run *run = &s->run;
    int rc;

    *s = (struct session){ .options = options,
                           .sources = sources,
                           .task = task,
                           .only_plan = task == SESSION_PLAN,
                           .began = clock_now() };
    s->phase_began = s->began;
    if (comm_open(&run->ranks.comm, comm, err) < 0)
        return -1;
    run->ranks.rank = comm_rank(run->ranks.comm);
    run->ranks.size = comm_size(run->ranks.comm);
    run->keeper = run->ranks.rank == 0;
    run->memory_at_start = clock_peak();
    run->ranks.interrupted = is_interrupted;
    run->ranks.interrupted_arg = s;
    if (run->ranks.rank == 0) {
        run->ranks.explain = explain;
        run->ranks.explain_arg = run;
    }
    run->ranks.liveness.stages = task == SESSION_GET;
    run->mtime = clock_wall() / 1000000000;
    /* The first call says that this rank is past all collectives of the start. */
    rc = is_interrupted(s) ? err_set(err, ERR_INTERRUPTED, "interrupted")
                           : check_options(options, task, err);
    if (rc == 0)
        rc = liveness_open(&run->ranks, s->options->rank_timeout, err);
    if (rc == 0)
        rc = background_run(&run->ranks, check, s, err);
    if (rc == 0) {
        run_options_take(run, options, s->dest);
        rc = login_open(s, err);
    }
    if (rc == 0) {
        set_log(s);
    }
    if (rc == 0)
        rc = open_questions(s, err);
    rc = agree_step(&run->ranks, rc, err);
    if (rc == 0)
        rc = share_start(s, err);
    /* Whether only a plan is wanted may differ in the environments of ranks. */
    if (rc == 0 && (task == SESSION_GET || task == SESSION_PLAN))
        rc = agree_step(&run->ranks, owners_take(run, err), err);
    return rc;
}

static void note_figures(struct session *s)
{
    struct coordinator_figures figures;

    if (!s->coordinator)
        return;
    coordinator_figures(s->coordinator, &figures);
    s->report.to_fetch = figures.to_fetch;
    s->report.resolve_requests = figures.resolve_requests;
    s->report.connections = figures.connections;
    /* If nothing had to be fetched, nothing has landed since. */
    if (figures.last_landed > s->phase_began) {
        s->report.seconds[REPORT_FETCH] = figures.last_landed - s->phase_began;
        s->phase_began = figures.last_landed;
    }
    session_end_phase(s, REPORT_VERIFY);
}

static int build(void *arg, struct err *err)
{
    struct session *s = arg;

    return target_build(&s->target, err);
}

int session_build(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    int rc = run->keeper ? background_run(&run->ranks, build, s, err) : 0;

    /* Files that could not be linked are fetched after all. */
    if (run->keeper) {
        s->report.reused_files = s->target.existing->files;
        s->report.reused_bytes = s->target.existing->bytes;
    }
    return agree_step(&run->ranks, rc, err) < 0 ? -1 : share_run(run, err);
}

static void count_untrusted(struct session *s)
{
    const struct plan *plan = &s->run.plan;

    if (s->target.existing)
        for (size_t i = 0; i < plan->nfiles; i++)
            s->report.untrusted_fetched += !s->target.existing->file[i].there &&
                                           plan->files[i].want.kind == DIGEST_NONE;
}

int session_stage(struct session *s, struct err *err)
{
    if (s->report.unchanged)
        return 0;
    if (nodes_spread(&s->run))
        return per_node_stage(s, err);
    return session_build(s, err) < 0 ? -1 : sharing_check(s, err);
}

int session_fetch(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    int rc;

    if (s->report.unchanged) {
        session_end_phase(s, REPORT_STAGE);
        return 0;
    }
    count_untrusted(s);
    if (run->trace)
        trace_open(run->trace, s->sources, clock_now());
    rc = session_make_parts(s, run->keeper ? s->target.existing->file : NULL, err);
    if (agree_step(&run->ranks, rc, err) < 0)
        return -1;
    session_end_phase(s, REPORT_STAGE);
    rc = worker_run(s->worker, err);
    if (nodes_spread(run) && per_node_note(s, rc < 0 ? NULL : err) < 0)
        rc = -1;
    note_figures(s);
    if (agree_step(&run->ranks, rc, err) < 0)
        return -1;
    return nodes_spread(run) ? outcome_step(run, 0, err) : 0;
}

static void release_access(struct run_access *access)
{
    credentials_release(&access->bearer);
    free(access->endpoint);
    /* On other ranks the lines lie in one text that was cut, so each is wiped by itself. */
    for (size_t i = 0; access->header_list && access->header_list[i]; i++)
        explicit_bzero((char *)(uintptr_t)access->header_list[i],
                       strlen(access->header_list[i]));
    if (access->headers)
        explicit_bzero(access->headers, strlen(access->headers));
    free(access->headers);
    free(access->header_list);
    *access = (struct run_access){ 0 };
}

static void release_staging_of(struct run *run)
{
    heartbeat_stop(run->staging.heartbeat);
    resume_release(run->staging.resume);
    free(run->staging.owner);
    run->staging.heartbeat = NULL;
    run->staging.resume = NULL;
    run->staging.owner = NULL;
    staging_close(run);
}

void session_release(struct session *s)
{
    struct run *run = &s->run;

    worker_destroy(s->worker);
    coordinator_destroy(s->coordinator);
    s->worker = NULL;
    s->coordinator = NULL;
    target_release(&s->target);
    plan_release(&s->whole);
    node_map_release(&s->map);
    report_release(&s->report);
    trace_release(&s->trace);
    segments_release(&run->segments);
    plan_release(&run->plan);
    release_access(&run->access);
    free(run->dest);
    free(run->published);
    free(run->shown);
    run->dest = run->published = run->shown = NULL;
    release_staging_of(run);
    login_release(s);
    outcome_release(run);
    free(s->dest);
    free(s->named);
    free(s->source);
    s->dest = s->named = s->source = NULL;
}

bool session_close(struct session *s)
{
    struct ranks *ranks = &s->run.ranks;
    bool closed;

    session_release(s);
    http_destroy(s->transfers);
    http_destroy(s->http);
    delegate_close(s->delegate);
    errands_close(s->errands);
    free(s->slots);
    agree_release(&ranks->agree);
    closed = !ranks->liveness.lost && comm_close(ranks->comm, CLOSE_PATIENCE);
    if (ranks->liveness.lost)
        comm_abandon(ranks->comm);
    liveness_close(ranks);
    nodes_release(ranks);
    choices_restore(s);
    return closed;
}
