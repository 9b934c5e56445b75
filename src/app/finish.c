#include "app/finish.h"

#include <string.h>

#include "app/per_node.h"
#include "io/clock.h"
#include "io/guard.h"
#include "publish/visibility.h"
#include "ranks/background.h"
#include "ranks/nodes.h"
#include "report/trace.h"
#include "resume/release.h"
#include "staging/uncache.h"

/* Rank 0 has the mark of what it published; the others need it to look for that. */
static int share_mark(struct session *s, struct err *err)
{
    struct strbuf mark = { 0 };
    int rc;

    if (s->run.ranks.rank == 0)
        strbuf_add(&mark, &s->mark, sizeof(s->mark));
    rc = agree_share(&s->run.ranks, &mark, err);
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

static int look_for_mark(void *arg, struct err *err)
{
    struct session *s = arg;

    (void)err;
    return visibility_wait(&s->run, &s->mark) ? 0 : -1;
}

static int look_everywhere(struct session *s, struct err *err)
{
    const char *seen =
        background_run(&s->run.ranks, look_for_mark, s, NULL) == 0 ? "1" : "0";

    return agree_gather(&s->run.ranks, MSG_SEEN, seen, 1, take_seen, &s->report.stale,
                        err);
}

static int clean(void *arg, struct err *err)
{
    struct session *s = arg;

    (void)err;
    target_clean(&s->target);
    return 0;
}

static int destroy_worker(void *arg, struct err *err)
{
    (void)err;
    worker_destroy(arg);
    return 0;
}

/* Removing scratch may take long, so it is done before the last collective. */
static void end_worker(struct session *s)
{
    if (s->worker)
        background_run(&s->run.ranks, destroy_worker, s->worker, NULL);
    s->worker = NULL;
}

/* It is published: a signal, or a node that does not see it, is worth a warning at most.
 * Files in staging are closed before staging is removed. */
static void show_everywhere(struct session *s)
{
    struct err err = { 0 };

    if (share_mark(s, &err) == 0)
        look_everywhere(s, &err);
    end_worker(s);
    agree_step(&s->run.ranks, 0, &err);
    if (s->run.ranks.rank == 0)
        background_run(&s->run.ranks, clean, s, NULL);
}

static int sync_mine(void *arg, struct err *err)
{
    return worker_sync(arg, err);
}

static int commit(void *arg, struct err *err)
{
    struct session *s = arg;
    int rc;

    uncache_tree(&s->run, s->target.existing->file);
    rc = target_commit(&s->target, &s->mark, err);
    /* At once: the main thread may be in a call that never returns. */
    if (rc == 0 && !s->part)
        guard_settle(session_show(s));
    return rc;
}

int finish_publish(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    int rc;

    if (s->report.unchanged)
        return 0;
    if (nodes_spread(run)) {
        rc = per_node_publish(s, err);
        session_end_phase(s, REPORT_COMMIT);
        return rc;
    }
    rc = run->opt.sync ? background_run(&run->ranks, sync_mine, s->worker, err) : 0;
    if (agree_step(&run->ranks, rc, err) < 0)
        return -1;
    if (run->ranks.rank == 0 && (rc = background_run(&run->ranks, commit, s, err)) == 0)
        session_settle(s); /* it is visible: from here on nothing is a failure */
    if (agree_step(&run->ranks, rc, err) < 0)
        return -1;
    session_settle(s);
    s->report.published = true;
    show_everywhere(s);
    session_end_phase(s, REPORT_COMMIT);
    return 0;
}

static void warn(struct session *s, const struct err *err)
{
    if (s->run.ranks.rank == 0 && err->code != ERR_NONE)
        log_line(&s->run.ranks.log, LOG_WARN, "%s", err->text);
}

static int write_report(void *arg, struct err *err)
{
    struct session *s = arg;
    char source[256];

    if (s->rows)
        return report_list_put(s->rows, s->row,
                               session_source(s->options, source, sizeof(source)),
                               &s->run, &s->report, err);
    return report_write(&s->run, &s->report, s->options->report, err);
}

/* Of several sources it is written after the last one. */
static int leave_trace(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    struct trace_text own = { 0 };
    char source[256];
    int rc = trace_gather(
        run, s->traces ? s->traces : &own,
        s->traces ? session_source(s->options, source, sizeof(source)) : NULL, err);

    if (rc == 0 && !s->traces && run->ranks.rank == 0)
        rc = trace_write(run, &own, s->options->trace, err);
    trace_text_release(&own);
    return rc;
}

struct leaving {
    struct run *run;
    enum release_how how;
};

static int leave_claim(void *arg, struct err *err)
{
    struct leaving *leaving = arg;

    (void)err;
    release_staging(leaving->run, leaving->how);
    return 0;
}

/* All ranks must have finished writing before staging is released, since the next run relies
 * on that. */
void finish_leave(struct session *s)
{
    struct run *run = &s->run;
    struct leaving leaving = { run, RELEASE_HAND_OVER };
    struct err fault = { 0 };

    end_worker(s);
    agree_step(&run->ranks, 0, &fault);
    if (run->ranks.liveness.lost)
        leaving.how = RELEASE_KEEP;
    if (run->keeper)
        background_run(&run->ranks, leave_claim, &leaving, NULL);
}

void finish_report(struct session *s, int rc, const struct err *err)
{
    const struct mpifetch_options *o = s->options;
    struct run *run = &s->run;
    struct err fault = { 0 };

    if (!run->ranks.comm)
        return;
    if (rc < 0)
        s->report.err = *err;
    if (rc < 0)
        finish_leave(s);
    s->report.total = clock_now() - s->began;
    agree_step(&run->ranks, report_gather(run, &s->report, &fault), &fault);
    err_clear(&fault);
    if (run->ranks.rank == 0)
        report_summary(run, &s->report);
    if (run->trace && leave_trace(s, &fault) < 0)
        warn(s, &fault);
    err_clear(&fault);
    if (o->report && run->ranks.rank == 0 &&
        background_run(&run->ranks, write_report, s, &fault) < 0)
        warn(s, &fault);
    end_worker(s);
    err_clear(&fault);
    agree_step(&run->ranks, 0, &fault);
}
