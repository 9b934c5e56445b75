#include "doctor/doctor.h"

#include <stdio.h>

#include "app/session.h"
#include "doctor/exam_report.h"
#include "io/clock.h"

/* Rank 0. */
static int show(const struct exam *exam, struct err *err)
{
    struct strbuf text = { 0 };
    int rc = 0;

    exam_report_text(exam, &text);
    if (text.failed)
        rc = err_memory(err, "the table");
    else if (fputs(text.data, stdout) < 0 || fflush(stdout) != 0)
        rc = err_set(err, ERR_DEFECT, "stdout cannot be written to");
    strbuf_release(&text);
    return rc;
}

/* What was found is worth saying even where not all could be. */
static int report_findings(const struct session *s, const struct exam *exam,
                           const struct err *fault, struct err *err)
{
    int rc = 0;

    if (s->run.ranks.rank != 0)
        return 0;
    if (fault->code == ERR_NONE || exam->lacks_write)
        rc = show(exam, err);
    if (s->options->report && exam_report_write(exam, fault, clock_now() - s->began,
                                                s->options->report, err) < 0)
        rc = -1;
    return rc;
}

static int examine(struct session *s, struct err *err)
{
    struct err fault = { 0 }, late = { 0 };
    struct exam exam;
    int rc =
        agree_step(&s->run.ranks,
                   exam_open(&exam, &s->run, s->dest, s->options->quick != 0, err), err);

    if (rc == 0 && exam_run(&exam, s->options->scratch, &fault) < 0) {
        *err = fault;
        rc = -1;
    }
    if (agree_step(&s->run.ranks, report_findings(s, &exam, &fault, &late), &late) < 0 &&
        rc == 0) {
        *err = late;
        rc = -1;
    }
    exam_close(&exam);
    return rc;
}

int doctor(MPI_Comm comm, const struct mpifetch_options *options,
           struct mpifetch_report *report)
{
    struct session s;
    struct err err = { 0 };
    int rc = session_open(&s, comm, options, SESSION_DOCTOR, &err);

    *report = (struct mpifetch_report){ 0 };
    if (rc == 0)
        rc = examine(&s, &err);
    if (rc < 0) {
        report->status = err.code != ERR_NONE ? (int)err.code : MPIFETCH_DEFECT;
        report->rank = err.rank;
        snprintf(report->error, sizeof(report->error), "%s", err.text);
    }
    report->lost = !session_close(&s);
    return report->status;
}
