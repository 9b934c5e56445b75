#include "app/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/check.h"
#include "app/listing.h"
#include "base/text.h"
#include "core/share.h"
#include "io/clock.h"
#include "io/comm_mpi.h"
#include "io/cred.h"
#include "io/fs.h"
#include "phase/brief.h"
#include "phase/engine.h"
#include "phase/publish.h"
#include "phase/staging.h"

static const double LONGEST_DELAY = 60; /* seconds between two tries */

enum { QUESTIONS = 8 }; /* of rank 0, to the source, at a time */

static bool is_interrupted(void *arg)
{
    const struct session *s = arg;

    return s->options->interrupted &&
           s->options->interrupted(s->options->interrupted_arg);
}

static void end_phase(struct session *s, enum report_phase phase)
{
    double now = clock_now();

    s->report.seconds[phase] += now - s->phase_began;
    s->phase_began = now;
}

static void set_options(struct session *s)
{
    const struct mpifetch_options *o = s->options;
    struct run_options *opt = &s->run.opt;
    bool terminal = isatty(STDERR_FILENO);

    *opt = (struct run_options){
        .dest = s->dest,
        .scratch = o->scratch,
        .headers = o->headers,
        .user_agent = "mpifetch/" MPIFETCH_VERSION,
        .proxy = o->proxy,
        .cacert = o->cacert,
        .connections = o->connections ? o->connections : share_default(s->run.size),
        .max_connections = o->max_connections ? o->max_connections : SHARE_TOTAL,
        .limit_rate = o->limit_rate,
        .retry = { o->retry_delay, LONGEST_DELAY, o->retries },
        .connect_timeout = o->connect_timeout,
        .speed_time = o->speed_time,
        .speed_limit = o->speed_limit,
        .force = o->force != 0,
        .versions = o->versions != 0,
        .sync = !o->no_sync,
    };
    opt->bar = o->progress == MPIFETCH_PROGRESS_BAR ||
               (o->progress == MPIFETCH_PROGRESS_AUTO && terminal);
    opt->plain = o->progress == MPIFETCH_PROGRESS_PLAIN ||
                 (o->progress == MPIFETCH_PROGRESS_AUTO && !terminal);
}

static void set_log(struct session *s)
{
    static const enum log_level levels[] = { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
    int index = s->options->verbosity + 1;

    s->run.log = (struct log){ .level = levels[index < 0   ? 0
                                               : index > 3 ? 3
                                                           : index],
                               .rank = s->run.rank == 0 ? -1 : s->run.rank,
                               .bar = s->run.opt.bar };
}

static int set_slots(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    int *node = calloc((size_t)run->size, sizeof(*node));

    s->slots = calloc((size_t)run->size, sizeof(*s->slots));
    if (!node || !s->slots) {
        free(node);
        return err_memory(err, "the list of ranks");
    }
    for (int i = 0; i < run->size; i++)
        node[i] = comm_node(run->comm, i);
    share_slots(node, run->size, run->opt.connections, run->opt.max_connections,
                s->slots);
    run->slots = s->slots[run->rank];
    free(node);
    return 0;
}

static int open_questions(struct session *s, struct err *err)
{
    unsigned most = s->run.opt.max_connections;

    if (s->run.rank != 0)
        return 0;
    return engine_open(&s->http, &s->run, most < QUESTIONS ? most : QUESTIONS, err);
}

int session_open(struct session *s, MPI_Comm comm, const struct mpifetch_options *options,
                 bool only_plan, struct err *err)
{
    struct run *run = &s->run;
    int rc;

    *s = (struct session){ .options = options,
                           .only_plan = only_plan,
                           .began = clock_now() };
    s->phase_began = s->began;
    if (comm_open(&run->comm, comm, err) < 0)
        return -1;
    run->rank = comm_rank(run->comm);
    run->size = comm_size(run->comm);
    run->memory_at_start = clock_peak();
    run->interrupted = is_interrupted;
    run->interrupted_arg = s;
    run->stamp = clock_wall() / 1000000000;
    rc = check_options(s, err);
    if (rc == 0 && run->rank == 0)
        rc = check_files(s, err);
    if (rc == 0) {
        set_options(s);
        set_log(s);
        rc = set_slots(s, err);
    }
    if (rc == 0)
        rc = open_questions(s, err);
    return agree_step(run, rc, err);
}

static int cut(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    uint64_t missing = run->plan.nbytes - s->stage.have.bytes;
    uint64_t size = s->options->segment_size;
    uint32_t slots = 0;

    for (int i = 0; i < run->size; i++)
        slots += s->slots[i];
    if (size == 0)
        size = segment_size(missing, slots);
    return segments_cut(&run->segments, &run->plan, size, err);
}

static int count_untrusted(struct session *s, struct err *err)
{
    const struct plan *plan = &s->run.plan;

    for (size_t i = 0; i < plan->nfiles; i++) {
        if (plan->files[i].want.kind != DIGEST_NONE)
            continue;
        s->report.untrusted++;
        if (s->options->require_digest)
            return err_set(err, ERR_SOURCE,
                           "'%s': the source publishes no digest for it, and "
                           "--require-digest was given",
                           plan_path(plan, i));
    }
    return 0;
}

static int list_and_look(struct session *s, struct err *err)
{
    struct run *run = &s->run;

    if (listing_make(s, err) < 0)
        return -1;
    if (count_untrusted(s, err) < 0)
        return -1;
    end_phase(s, REPORT_LIST);
    if (stage_look(&s->stage, run, err) < 0)
        return -1;
    s->report.reused_files = s->stage.have.files;
    s->report.reused_bytes = s->stage.have.bytes;
    s->report.dropped_files = s->stage.have.dropped;
    s->report.unchanged = s->stage.have.unchanged;
    return cut(s, err);
}

/* What decides on which way all go from here: known to rank 0, or its options, which the
 * environment of another rank may give differently. */
static int share_course(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    const char mine[] = { (char)s->report.unchanged, (char)s->only_plan,
                          (char)(s->options->trace != NULL) };
    struct strbuf flags = { 0 };
    int rc;

    if (run->rank == 0)
        strbuf_add(&flags, mine, sizeof(mine));
    rc = agree_share(run, &flags, err);
    if (rc == 0 && flags.len != sizeof(mine))
        rc = err_set(err, ERR_DEFECT, "rank 0 shared flags of another build");
    if (rc == 0) {
        s->report.unchanged = flags.data[0];
        s->only_plan = flags.data[1];
        run->traced = flags.data[2];
    }
    strbuf_release(&flags);
    return agree_step(run, rc, err);
}

int session_list(struct session *s, struct err *err)
{
    int rc = s->run.rank == 0 ? list_and_look(s, err) : 0;

    if (agree_step(&s->run, rc, err) < 0)
        return -1;
    return share_course(s, err);
}

static int make_parts(struct session *s, struct err *err)
{
    struct run *run = &s->run;

    if (run->rank == 0 && coordinator_create(&s->coordinator, run, s->http,
                                             s->stage.have.known, s->slots, err) < 0)
        return -1;
    return worker_create(&s->worker, run, s->coordinator, err);
}

static void note_figures(struct session *s)
{
    struct coordinator_figures figures;

    if (!s->coordinator)
        return;
    coordinator_figures(s->coordinator, &figures);
    s->report.to_fetch = figures.to_fetch;
    s->report.resolve_requests = figures.resolve_requests;
    /* Where nothing had to be fetched nothing landed since. */
    if (figures.last_landed > s->phase_began) {
        s->report.seconds[REPORT_FETCH] = figures.last_landed - s->phase_began;
        s->phase_began = figures.last_landed;
    }
    end_phase(s, REPORT_VERIFY);
}

int session_fetch(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    int rc;

    if (s->report.unchanged) {
        end_phase(s, REPORT_STAGE);
        return 0;
    }
    rc = run->rank == 0 ? stage_build(&s->stage, err) : 0;
    for (size_t i = 0; rc == 0 && run->rank == 0 && i < run->plan.nfiles; i++)
        s->report.untrusted_fetched +=
            !s->stage.have.known[i].there && run->plan.files[i].want.kind == DIGEST_NONE;
    /* Files that could not be linked are fetched after all. */
    s->report.reused_files = s->stage.have.files;
    s->report.reused_bytes = s->stage.have.bytes;
    if (agree_step(run, rc, err) < 0 || brief_share(run, err) < 0)
        return -1;
    if (run->traced)
        trace_open(&run->trace, clock_now());
    if (agree_step(run, make_parts(s, err), err) < 0)
        return -1;
    end_phase(s, REPORT_STAGE);
    rc = worker_run(s->worker, err);
    note_figures(s);
    return agree_step(run, rc, err);
}

/* The mark is made by rank 0 as it publishes; the others need it to look for it. */
static int share_mark(struct session *s, struct err *err)
{
    struct strbuf mark = { 0 };
    int rc;

    if (s->run.rank == 0)
        strbuf_add(&mark, &s->mark, sizeof(s->mark));
    rc = agree_share(&s->run, &mark, err);
    if (rc == 0 && mark.len == sizeof(s->mark))
        memcpy(&s->mark, mark.data, sizeof(s->mark));
    strbuf_release(&mark);
    return rc;
}

static int take_seen(void *arg, int rank, const void *bytes, size_t len, struct err *err)
{
    (void)rank;
    (void)err;
    if (len == 1 && *(const char *)bytes == '0')
        *(bool *)arg = true;
    return 0;
}

static int look_everywhere(struct session *s, struct err *err)
{
    const char *seen = seen_wait(&s->run, &s->mark) ? "1" : "0";

    return agree_gather(&s->run, MSG_SEEN, seen, 1, take_seen, &s->report.stale, err);
}

/* It is published: whatever happens here, a signal or a node that cannot see it, is worth
 * a warning at most. */
static void show_everywhere(struct session *s)
{
    struct err err = { 0 };

    if (share_mark(s, &err) == 0)
        look_everywhere(s, &err);
    agree_step(&s->run, 0, &err);
    if (s->run.rank == 0)
        publish_clean(&s->stage);
}

int session_publish(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    int rc;

    if (s->report.unchanged)
        return 0;
    rc = run->opt.sync ? worker_sync(s->worker, err) : 0;
    if (agree_step(run, rc, err) < 0)
        return -1;
    rc = run->rank == 0 ? publish_commit(&s->stage, &s->mark, err) : 0;
    if (agree_step(run, rc, err) < 0)
        return -1;
    s->report.published = true;
    show_everywhere(s);
    end_phase(s, REPORT_COMMIT);
    return 0;
}

static void warn(struct session *s, const struct err *err)
{
    if (s->run.rank == 0 && err->code != ERR_NONE)
        log_line(&s->run.log, LOG_WARN, "%s", err->text);
}

void session_report(struct session *s, int rc, const struct err *err)
{
    const struct mpifetch_options *o = s->options;
    struct run *run = &s->run;
    struct err fault = { 0 };

    if (!run->comm)
        return;
    if (rc < 0)
        s->report.err = *err;
    /* The disks of all ranks must be done before staging can go. */
    if (rc < 0) {
        worker_destroy(s->worker);
        s->worker = NULL;
        agree_step(run, 0, &fault);
        staging_discard(run);
    }
    s->report.total = clock_now() - s->began;
    agree_step(run, report_gather(run, &s->report, &fault), &fault);
    err_clear(&fault);
    if (run->rank == 0)
        report_summary(run, &s->report);
    if (run->traced && trace_write(run, o->trace, &fault) < 0)
        warn(s, &fault);
    err_clear(&fault);
    if (o->report && run->rank == 0 &&
        report_write(run, &s->report, o->report, &fault) < 0)
        warn(s, &fault);
    agree_step(run, 0, &fault);
}

void session_close(struct session *s)
{
    struct run *run = &s->run;

    worker_destroy(s->worker);
    coordinator_destroy(s->coordinator);
    http_destroy(s->http);
    stage_release(&s->stage);
    report_release(&s->report);
    trace_release(&run->trace);
    segments_release(&run->segments);
    plan_release(&run->plan);
    agree_release(&run->agree);
    comm_close(run->comm);
    cred_release(&run->bearer);
    free(run->endpoint);
    free(run->dest);
    if (run->headers)
        explicit_bzero(run->headers, strlen(run->headers));
    free(run->headers);
    free(run->header_list);
    free(run->staging);
    free(run->tree);
    free(run->spare);
    free(s->slots);
    free(s->dest);
    free(s->source);
}
