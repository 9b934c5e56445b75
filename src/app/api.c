/* app/api.c -- the functions of mpifetch.h. */
#include "mpifetch.h"

#include <stdio.h>
#include <string.h>

#include "app/beside.h"
#include "app/failure.h"
#include "app/finish.h"
#include "app/inspect.h"
#include "app/session.h"
#include "io/guard.h"

const char *mpifetch_version(void)
{
    return MPIFETCH_VERSION;
}

const char *mpifetch_reason_name(int reason)
{
    return err_reason_name((enum err_reason)reason);
}

/* Counters are known to rank 0 alone: tell the others, so that the report is the same
 * everywhere. */
static void share_report(struct session *s, struct mpifetch_report *report)
{
    struct run *run = &s->run;
    struct strbuf bytes = { 0 };
    struct err err = { 0 };

    report->files = run->plan.nfiles;
    report->bytes = run->plan.nbytes;
    report->bytes_fetched = report_sum(run, &s->report, STAT_FETCHED);
    report->bytes_duplicated = report_duplicated(run, &s->report);
    report->bytes_reused = s->report.reused_bytes;
    report->requests = s->report.api_requests + s->report.resolve_requests +
                       report_sum(run, &s->report, STAT_DATA_REQUESTS);
    report->retries =
        report_sum(run, &s->report, STAT_RETRIED) + s->report.listing_retries;
    report->seconds = s->report.total;
    report->unchanged = s->report.unchanged;
    if (run->ranks.rank == 0)
        strbuf_add(&bytes, report, sizeof(*report));
    if (agree_share(&run->ranks, &bytes, &err) == 0 && bytes.len == sizeof(*report))
        memcpy(report, bytes.data, sizeof(*report));
    strbuf_release(&bytes);
    agree_step(&run->ranks, 0, &err);
}

static void fill_error(struct mpifetch_report *report, const struct err *err)
{
    report->status = err->code != ERR_NONE ? (int)err->code : MPIFETCH_DEFECT;
    report->reason = (int)err->reason;
    report->rank = err->rank;
    snprintf(report->error, sizeof(report->error), "%s", err->text);
}

/* All ranks have agreed: what hangs from here on does not change it. */
static void settle_failure(const struct ranks *ranks, struct mpifetch_report *report)
{
    char text[FAILURE_TEXT];

    if (!ranks->comm)
        return; /* there was nobody to agree with */
    report->lost = ranks->liveness.lost;
    guard_fail(report->status,
               failure_text(report, ranks->rank, text, sizeof(text)) ? text : NULL);
}

/* One rank of each node prints it, or rank 0 alone if the loss came too late to
 * change the outcome. */
static void warn_of_loss(const struct run *run)
{
    const struct liveness *liveness = &run->ranks.liveness;

    if (liveness->lost && liveness->loss.rank == run->ranks.rank)
        log_line(&run->ranks.log, LOG_WARN, "%s", liveness->loss.text);
}

/* Collective. The steps of a run in order; all ranks agree after each. */
static int run_phases(struct session *s, struct err *err)
{
    if (s->task == SESSION_VERIFY)
        return inspect(s, err);
    if (session_list(s, err) < 0 || beside_list(s, err) < 0)
        return -1;
    if (s->only_plan)
        return beside_show(s, err);
    if (beside_stage(s, err) < 0 || session_stage(s, err) < 0 ||
        session_fetch(s, err) < 0 || finish_publish(s, err) < 0 ||
        beside_publish(s, err) < 0)
        return -1;
    return beside_judge(s, err);
}

/* Collective. */
static int run_session(MPI_Comm comm, const struct mpifetch_options *options,
                       struct mpifetch_report *report, enum session_task task)
{
    struct session s;
    struct err err = { 0 };
    int rc = session_open(&s, comm, options, task, &err);

    if (rc == 0)
        rc = beside_open(&s, &err);
    *report = (struct mpifetch_report){ 0 };
    if (rc == 0 && (rc = run_phases(&s, &err)) == 0) {
        agree_settle(&s.run.ranks);
        guard_settle(s.run.ranks.rank == 0 && !s.only_plan ? session_show(&s) : NULL);
    }
    if (rc < 0) {
        fill_error(report, &err);
        settle_failure(&s.run.ranks, report);
        beside_leave(&s);
    }
    if (!s.only_plan || rc < 0)
        finish_report(&s, rc, &err);
    if (rc == 0 && !s.only_plan)
        snprintf(report->path, sizeof(report->path), "%s",
                 s.run.ranks.rank == 0 ? session_show(&s) : "");
    if (s.run.ranks.comm)
        share_report(&s, report);
    if (rc == 0)
        warn_of_loss(&s.run);
    beside_close(&s);
    report->lost = !session_close(&s);
    return report->status;
}

int mpifetch_get(MPI_Comm comm, const struct mpifetch_options *options,
                 struct mpifetch_report *report)
{
    return run_session(comm, options, report,
                       options->dry_run ? SESSION_PLAN : SESSION_GET);
}

int mpifetch_plan(MPI_Comm comm, const struct mpifetch_options *options,
                  struct mpifetch_report *report)
{
    return run_session(comm, options, report, SESSION_PLAN);
}

int mpifetch_verify(MPI_Comm comm, const struct mpifetch_options *options,
                    struct mpifetch_report *report)
{
    return run_session(comm, options, report, SESSION_VERIFY);
}
