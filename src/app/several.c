#include "app/several.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/beside.h"
#include "app/conclusion.h"
#include "app/course.h"
#include "app/finish.h"
#include "app/handover.h"
#include "app/inspect.h"
#include "app/joint_room.h"
#include "app/listing.h"
#include "app/session.h"
#include "app/sums.h"
#include "base/url.h"
#include "io/clock.h"
#include "ranks/background.h"
#include "report/report_list.h"

/* One source. */
struct part {
    struct session s;
    struct mpifetch_options options;
    uint64_t files, bytes; /* rank 0: that DEST lacked when it was looked at */
    bool began, over;      /* its turn; and its report is filled */
};

struct several {
    const struct mpifetch_options *options; /* of each */
    size_t count;
    struct part first, *rest; /* so that all ranks can agree on a lack of memory */
    struct session *with;     /* the one that has the ranks */
    struct mpifetch_report *reports;
    struct report_list rows;  /* rank 0 */
    struct trace_text traces; /* the same */
    double began;
};

/* NULL: not opened, since the first could not be. */
static struct part *part_at(struct several *all, size_t i)
{
    return i == 0 ? &all->first : all->rest ? &all->rest[i - 1] : NULL;
}

static void hand_to(struct several *all, struct session *s)
{
    if (all->with != s)
        handover_pass(all->with, s);
    all->with = s;
}

/* What cannot be done for several in one call. */
static int check_count(const struct mpifetch_options *o, struct err *err)
{
    if (o->per_node)
        return err_set(err, ERR_USAGE,
                       "--per-node takes one source: start a run for each of several");
    return 0;
}

/* b is a, or below it. */
static bool is_within(const char *a, const char *b)
{
    size_t len = strlen(a);

    return strncmp(a, b, len) == 0 && (b[len] == '\0' || b[len] == '/');
}

/* Rank 0. In a cache sources of one repository are revisions, or parts, side by side. */
static int check_apart(struct several *all, struct err *err)
{
    const struct session *first = &all->first.s;

    if (all->with->run.ranks.rank != 0)
        return 0;
    if (first->task == SESSION_VERIFY || first->run.opt.cache)
        return 0;
    for (size_t i = 0; i < all->count; i++)
        for (size_t j = 0; j < all->count; j++) {
            const struct part *a = part_at(all, i), *b = part_at(all, j);
            char one[256], other[256];

            if (i == j || !a->s.dest || !b->s.dest || !is_within(a->s.dest, b->s.dest))
                continue;
            url_redact(one, sizeof(one), a->options.source ? a->options.source : "");
            url_redact(other, sizeof(other), b->options.source ? b->options.source : "");
            if (strcmp(a->s.dest, b->s.dest) == 0)
                return err_set(err, ERR_USAGE,
                               "'%s' and '%s' would both be published as '%s'", one,
                               other, a->s.dest);
            return err_set(err, ERR_USAGE,
                           "'%s' would be published as '%s', which is inside '%s', that "
                           "of '%s'",
                           other, b->s.dest, a->s.dest, one);
        }
    return 0;
}

/* Of what is not said of each source that of the first counts. */
static void set_options(struct part *part, const struct mpifetch_options *first,
                        const struct mpifetch_options *own)
{
    struct mpifetch_options *o = &part->options;

    *o = *first;
    o->source = own->source;
    o->manifest = own->manifest;
    o->base = own->base;
    o->sha256 = own->sha256;
    o->revision = own->revision;
    o->repo_type = own->repo_type;
    o->include = own->include;
    o->exclude = own->exclude;
    o->dest = own->dest;
}

/* Collective. All ranks have the same count (app/same_call.h). */
static int open_all(struct several *all, MPI_Comm comm,
                    const struct mpifetch_options *options, enum session_task task,
                    struct err *err)
{
    struct session *first = &all->first.s;
    int rc;

    all->with = first;
    all->first.options = options[0];
    if (session_open(first, comm, options, all->count, task, err) < 0)
        return -1;
    all->began = first->began;
    if (all->count == 1)
        return beside_open(first, err);
    all->rest = calloc(all->count - 1, sizeof(*all->rest));
    rc = all->rest ? check_count(options, err) : err_memory(err, "the sources");
    rc = agree_step(&first->run.ranks, rc, err);
    for (size_t i = 1; rc == 0 && i < all->count; i++) {
        struct part *part = part_at(all, i);

        set_options(part, &options[0], &options[i]);
        rc = handover_open(&part->s, all->with, &part->options, err);
        all->with = &part->s;
    }
    return rc < 0 ? -1 : agree_step(&all->with->run.ranks, check_apart(all, err), err);
}

static void note_missing(struct part *part)
{
    const struct session *s = &part->s;
    const struct existing *existing = s->target.existing;

    if (!existing)
        return;
    part->files = s->run.plan.nfiles - existing->files;
    part->bytes = s->run.plan.nbytes - existing->bytes;
}

/* Collective. */
static int look_at(struct several *all, size_t i, struct err *err)
{
    struct part *part = part_at(all, i);
    struct session *s = &part->s;

    hand_to(all, s);
    if (i > 0)
        s->phase_began = clock_now();
    if (course_look(s, err) < 0)
        return -1;
    if (s->run.ranks.rank == 0)
        note_missing(part);
    session_end_phase(s, REPORT_STAGE);
    return 0;
}

static int find_room(void *arg, struct err *err)
{
    struct several *all = arg;
    const struct session **each = calloc(all->count, sizeof(const struct session *));
    int rc;

    if (!each)
        return err_memory(err, "the sources");
    for (size_t i = 0; i < all->count; i++)
        each[i] = &part_at(all, i)->s;
    rc = joint_room_check(each, all->count, err);
    free((void *)each);
    return rc;
}

/* Collective. All are listed, and nothing is claimed. */
static int check_room(struct several *all, struct err *err)
{
    struct ranks *ranks = &all->with->run.ranks;
    int rc = 0;

    if (all->count == 1)
        return 0;
    if (ranks->rank == 0 && !all->with->only_plan)
        rc = background_run(ranks, find_room, all, err);
    return agree_step(ranks, rc, err);
}

/* The time of the others does not count. */
static void begin_turn(struct several *all, size_t i)
{
    struct session *s = &part_at(all, i)->s;
    struct run_others *others = &s->run.others;

    hand_to(all, s);
    part_at(all, i)->began = true;
    if (all->count == 1)
        return;
    if (i > 0) {
        agree_reopen(&s->run.ranks);
        s->run.cpu_before = clock_cpu();
    }
    s->phase_began = clock_now();
    s->began =
        s->phase_began - s->report.seconds[REPORT_LIST] - s->report.seconds[REPORT_STAGE];
    for (size_t j = 0; j < all->count; j++) {
        const struct part *other = part_at(all, j);

        if (j == i)
            continue;
        others->files += other->files;
        others->bytes += other->bytes;
        others->files_done += other->began ? other->files : 0;
        others->bytes_done += other->began ? other->bytes : 0;
    }
}

/* Collective. The steps of a run in order; all ranks agree after each. */
static int take_turn(struct session *s, struct err *err)
{
    if (s->task == SESSION_VERIFY)
        return inspect(s, err);
    if (course_claim(s, err) < 0 || beside_list(s, err) < 0)
        return -1;
    if (s->only_plan)
        return beside_show(s, err) < 0 ? -1 : beside_judge(s, err);
    if (beside_stage(s, err) < 0 || session_stage(s, err) < 0 ||
        session_fetch(s, err) < 0 || finish_publish(s, err) < 0 ||
        beside_publish(s, err) < 0)
        return -1;
    return beside_judge(s, err);
}

/* A digest that does not match, say, does not tell of which source. */
static void name_source(const struct session *s, struct err *err)
{
    char shown[256];

    session_source(s->options, shown, sizeof(shown));
    if (s->sources > 1 && err->code != ERR_INTERRUPTED && !strstr(err->text, shown))
        err_wrap(err, "%s", shown);
}

/* Collective. */
static void conclude(struct several *all, size_t i, int rc, const struct err *err)
{
    struct session *s = &part_at(all, i)->s;

    hand_to(all, s);
    s->rows = all->count > 1 ? &all->rows : NULL;
    s->traces = all->count > 1 ? &all->traces : NULL;
    s->row = i;
    s->report.named = all->count > 1;
    conclusion_reach(s, rc, err, &all->reports[i]);
    part_at(all, i)->over = true;
    session_release(s);
}

/* Collective. -1: that of one is the outcome of the call. */
static int look_at_all(struct several *all)
{
    struct err err = { 0 };
    size_t i = 0;
    int rc = 0;

    for (; rc == 0 && i < all->count; i++)
        rc = look_at(all, i, &err);
    if (rc < 0)
        name_source(all->with, &err);
    else
        rc = check_room(all, &err);
    if (rc < 0)
        conclude(all, i - 1, rc, &err);
    return rc;
}

/* Another source would fare no better, or cannot be spoken of any more. */
static bool ends_all(const struct session *s, const struct err *err)
{
    return s->run.ranks.liveness.lost || err->code == ERR_INTERRUPTED ||
           err->code == ERR_DEFECT;
}

/* Collective. */
static void run_all(struct several *all)
{
    bool looks = all->first.s.task != SESSION_VERIFY;
    bool ended = looks && look_at_all(all) < 0;

    for (size_t i = 0; !ended && i < all->count; i++) {
        struct err err = { 0 };
        int rc;

        begin_turn(all, i);
        rc = take_turn(&part_at(all, i)->s, &err);
        ended = rc < 0 && ends_all(all->with, &err);
        if (rc < 0)
            name_source(all->with, &err);
        conclude(all, i, rc, &err);
    }
}

/* Whose session has the ranks. */
static size_t index_of(struct several *all, const struct session *s)
{
    size_t i = 0;

    while (&part_at(all, i)->s != s)
        i++;
    return i;
}

/* What was not tried has the status of what ended the call. */
static void leave_out(struct several *all, size_t i, int status)
{
    struct mpifetch_report *report = &all->reports[i];
    struct run none = { 0 };
    struct report row = { 0 };
    char source[256];

    *report = (struct mpifetch_report){ .status = status, .rank = -1 };
    snprintf(report->error, sizeof(report->error),
             "not tried, since another source failed before");
    err_set(&row.err, (enum err_code)status, "%s", report->error);
    if (all->with->run.ranks.rank == 0)
        report_list_put(&all->rows, i,
                        session_source(&all->options[i], source, sizeof(source)), &none,
                        &row, NULL);
}

static int write_rows(void *arg, struct err *err)
{
    struct several *all = arg;

    return report_list_write(&all->rows, sums_status(all->reports, all->count),
                             clock_now() - all->began, all->options->report, err);
}

static void tell_sums(const struct several *all)
{
    struct sums sums = { all->reports, all->count, clock_now() - all->began };

    sums_tell(&all->with->run.ranks.log, &sums, all->first.s.task == SESSION_VERIFY);
}

static int show_sums(struct several *all, struct err *err)
{
    struct listing_sums sums = { .sources = all->count };

    for (size_t i = 0; i < all->count; i++) {
        sums.files += all->reports[i].files;
        sums.bytes += all->reports[i].bytes;
        sums.missing_files += part_at(all, i)->files;
        sums.missing_bytes += part_at(all, i)->bytes;
    }
    return listing_show_sums(&all->with->run.ranks, &sums, err);
}

/* If any source got as far as that. */
static void write_traces(struct several *all, bool opened)
{
    struct run *run = &all->with->run;
    const char *path = all->options->trace;
    struct err err = { 0 };

    if (opened && path && run->ranks.rank == 0 && all->traces.text.len > 0 &&
        trace_write(run, &all->traces, path, &err) < 0)
        log_line(&run->ranks.log, LOG_WARN, "%s", err.text);
}

/* Of several. Collective, if all could be opened: else ranks may not even have the same
 * count. */
static void sum_up(struct several *all, bool opened)
{
    struct ranks *ranks = &all->with->run.ranks;
    int status = sums_status(all->reports, all->count);
    bool plans = all->with->only_plan && status == MPIFETCH_OK;
    struct err err = { 0 };
    int rc = 0;

    for (size_t i = 0; i < all->count; i++)
        if (!part_at(all, i) || !part_at(all, i)->over)
            leave_out(all, i, status);
    if (!ranks->comm)
        return;
    if (ranks->rank == 0 && plans)
        rc = show_sums(all, &err);
    else if (ranks->rank == 0 && all->first.began)
        tell_sums(all);
    if (ranks->rank == 0 && !plans && all->options->report)
        rc = background_run(ranks, write_rows, all, &err);
    if (rc < 0)
        log_line(&ranks->log, LOG_WARN, "%s", err.text);
    write_traces(all, opened);
    if (opened)
        agree_step(ranks, 0, &err);
}

/* Collective. */
static void close_all(struct several *all)
{
    bool lost;

    for (size_t i = 0; i < all->count; i++) {
        struct part *part = part_at(all, i);

        if (part && &part->s != all->with)
            session_release(&part->s);
    }
    lost = !session_close(all->with);
    for (size_t i = 0; i < all->count; i++)
        all->reports[i].lost = lost;
    report_list_release(&all->rows);
    trace_text_release(&all->traces);
    free(all->rest);
}

int several_run(MPI_Comm comm, const struct mpifetch_options *options, size_t count,
                struct mpifetch_report *reports, enum session_task task)
{
    struct several all = { .options = options, .count = count, .reports = reports };
    struct err err = { 0 };
    bool opened;

    if (count == 0)
        return MPIFETCH_USAGE;
    memset(reports, 0, count * sizeof(*reports));
    opened = open_all(&all, comm, options, task, &err) == 0;
    if (opened)
        run_all(&all);
    else
        conclude(&all, index_of(&all, all.with), -1, &err);
    if (count > 1)
        sum_up(&all, opened);
    close_all(&all);
    return sums_status(reports, count);
}
