#include "app/conclusion.h"

#include <stdio.h>
#include <string.h>

#include "app/beside.h"
#include "app/failure.h"
#include "app/finish.h"
#include "io/guard.h"

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

void conclusion_reach(struct session *s, int rc, const struct err *err,
                      struct mpifetch_report *report)
{
    struct run *run = &s->run;

    *report = (struct mpifetch_report){ 0 };
    if (rc == 0) {
        agree_settle(&run->ranks);
        guard_settle(run->ranks.rank == 0 && !s->only_plan ? session_show(s) : NULL);
    } else {
        fill_error(report, err);
        settle_failure(&run->ranks, report);
        beside_leave(s);
    }
    if (!s->only_plan || rc < 0)
        finish_report(s, rc, err);
    if (rc == 0 && !s->only_plan)
        snprintf(report->path, sizeof(report->path), "%s",
                 run->ranks.rank == 0 ? session_show(s) : "");
    if (run->ranks.comm)
        share_report(s, report);
    if (rc == 0)
        warn_of_loss(run);
    beside_close(s);
}
