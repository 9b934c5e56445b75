#include "doctor/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/printout.h"
#include "app/session.h"
#include "doctor/probe_list.h"
#include "doctor/report.h"
#include "io/clock.h"

/* Absolute, without a look at it: that may hang, and is a task for another process. NULL
 * and *err. */
static char *find_dir(const char *given, struct err *err)
{
    char *here = *given == '/' ? NULL : getcwd(NULL, 0);
    struct strbuf dir = { 0 };
    size_t len = strlen(given);
    char *path;

    while (len > 1 && given[len - 1] == '/')
        len--;
    if (*given != '/' && !here) {
        err_set(err, ERR_USAGE,
                "cannot resolve '%s': the current directory cannot be determined", given);
        return NULL;
    }
    strbuf_addf(&dir, "%s%s%.*s", here ? here : "", here ? "/" : "", (int)len, given);
    free(here);
    path = strbuf_steal(&dir);
    if (!path)
        err_memory(err, "a path");
    return path;
}

static bool add_report(void *arg, struct strbuf *text)
{
    doctor_report_text(arg, text);
    return false;
}

/* Rank 0. */
static int show(struct session *s, const struct probe *probe, struct err *err)
{
    return printout(&s->run.ranks, add_report, (void *)(uintptr_t)probe, err);
}

/* What was found is worth saying even where not all could be. */
static int report_results(struct session *s, const struct probe *probe,
                          const struct err *fault, struct err *err)
{
    const char *path = s->options->report;
    int rc = 0;

    if (s->run.ranks.rank != 0)
        return 0;
    if (fault->code == ERR_NONE ||
        (fault->code == ERR_DEST && probe->results.nsections > 0))
        rc = show(s, probe, err);
    if (path && doctor_report_write(probe, fault, clock_now() - s->began, path, err) < 0)
        rc = -1;
    return rc;
}

static int run_probes(struct session *s, const struct options *options, struct err *err)
{
    struct err fault = { 0 }, late = { 0 };
    char *dir = find_dir(options->get.dest, err);
    struct probe probe;
    int rc = probe_open(&probe, &s->run, err);

    rc = agree_step(&s->run.ranks, dir ? rc : -1, err);
    if (rc < 0)
        goto out;
    if (probe_list_run(&probe, dir, options->get.scratch, options->quick != 0, &fault) <
        0)
        rc = err_copy(err, &fault);
    if (agree_step(&s->run.ranks, report_results(s, &probe, &fault, &late), &late) < 0 &&
        rc == 0)
        rc = err_copy(err, &late);
out:
    probe_close(&probe);
    free(dir);
    return rc;
}

int doctor(MPI_Comm comm, const struct options *options, struct mpifetch_report *report)
{
    struct session s;
    struct err err = { 0 };
    int rc = session_open(&s, comm, &options->get, 1, SESSION_BARE, &err);

    *report = (struct mpifetch_report){ 0 };
    if (rc == 0)
        rc = run_probes(&s, options, &err);
    if (rc < 0) {
        report->status = err.code != ERR_NONE ? (int)err.code : MPIFETCH_DEFECT;
        report->rank = err.rank;
        snprintf(report->error, sizeof(report->error), "%s", err.text);
    }
    report->lost = !session_close(&s);
    return report->status;
}
