#include "app/beside.h"

#include <stdlib.h>
#include <string.h>

#include "app/apart.h"
#include "app/course.h"
#include "app/finish.h"
#include "app/handover.h"
#include "app/listing.h"
#include "app/per_node.h"
#include "app/session.h"
#include "app/sharing.h"
#include "io/clock.h"
#include "ranks/background.h"
#include "ranks/nodes.h"
#include "ranks/wants.h"
#include "staging/staging.h"

struct beside {
    struct session s;
    struct mpifetch_options options;
    struct err err;     /* the same on all ranks: why DEST is not published */
    char *path;         /* DEST by rank 0, where nodes read what it has; or NULL */
    bool *found, *left; /* rank 0: run->nearby.has of the nodes, and of DEST */
};

/* A step of the session of DEST. -1: the run ends. */
static int step(struct session *s, int (*work)(struct session *s, struct err *err),
                struct err *err)
{
    struct beside *beside = s->beside;
    struct session *dest = &beside->s;
    struct err why = { 0 };
    int rc;

    if (beside->err.code != ERR_NONE)
        return 0;
    handover_pass(s, dest);
    rc = work(dest, &why);
    if (rc < 0 && why.code == ERR_DEST) {
        beside->err = why;
        if (dest->run.ranks.rank == 0)
            log_line(&dest->run.ranks.log, LOG_WARN, "%s", why.text);
        finish_leave(dest);
    }
    handover_pass(dest, s);
    return rc == 0 || why.code == ERR_DEST ? 0 : err_copy(err, &why);
}

static int check_apart(void *arg, struct err *err)
{
    const struct session *s = arg;
    const char *dest = s->beside->s.dest;

    if (apart(s->dest, dest))
        return 0;
    return err_set(err, ERR_USAGE,
                   "'%s' and --per-node '%s' are the same, or one is inside the other: "
                   "each is published by itself",
                   dest, s->dest);
}

/* The copy of its node is where the bytes come from: they need no scratch. */
static int open_dest(struct session *s, struct err *err)
{
    struct beside *beside = s->beside;
    struct session *dest = &beside->s;
    struct run_options *opt = &dest->run.opt;
    int rc;

    beside->options = *s->options;
    beside->options.per_node = beside->options.per_node_include = NULL;
    beside->options.report = beside->options.trace = NULL;
    rc = handover_open(dest, s, &beside->options, err);
    handover_pass(dest, s);
    if (rc < 0)
        return -1;
    opt->per_node = NULL;
    opt->per_node_parts = false;
    opt->scratch = "none";
    dest->run.keeper = s->run.ranks.rank == 0;
    dest->part = true;
    return agree_step(&s->run.ranks, background_run(&s->run.ranks, check_apart, s, err),
                      err);
}

int beside_open(struct session *s, struct err *err)
{
    int rc;

    if (!session_has_both(s))
        return 0;
    s->part = true;
    s->beside = calloc(1, sizeof(*s->beside));
    rc = s->beside ? 0 : err_memory(err, "DEST");
    return agree_step(&s->run.ranks, rc, err) < 0 ? -1 : open_dest(s, err);
}

/* All of this belongs to the session of the nodes. */
static void borrow(struct session *dest, const struct session *s)
{
    dest->run.plan = s->run.plan;
    dest->whole = listing_is_part(dest->options) ? s->whole : (struct plan){ 0 };
    dest->run.access.bearer = s->run.access.bearer;
    dest->run.access.endpoint = s->run.access.endpoint;
}

static void give_back(struct session *dest)
{
    const struct session none = { .options = dest->options };

    borrow(dest, &none);
    dest->run.nodes.all = none.run.nodes.all;
}

int beside_list(struct session *s, struct err *err)
{
    struct session *dest;

    if (!s->beside)
        return 0;
    dest = &s->beside->s;
    dest->only_plan = s->only_plan;
    dest->phase_began = clock_now();
    dest->run.mtime = s->run.mtime;
    if (s->run.ranks.rank == 0)
        borrow(dest, s);
    return step(s, course_of_dest, err);
}

int beside_show(struct session *s, struct err *err)
{
    const struct beside *beside = s->beside;

    if (!beside && !nodes_spread(&s->run))
        return listing_show(s, err);
    return per_node_show(s, beside ? beside->s.target.existing : NULL,
                         beside ? &beside->err : NULL, err);
}

static bool *list_files(const struct session *s, const struct existing_file *file,
                        struct err *err)
{
    size_t count = s->run.plan.nfiles;
    bool *has = calloc(count + 1, sizeof(*has));

    if (!has)
        err_memory(err, "the list of files");
    for (size_t i = 0; has && i < count; i++)
        has[i] = !file || file[i].there;
    return has;
}

/* Which are not asked for: each node that lacks them reads a part of them, and has the rest
 * from others. */
static int offer(struct session *s, struct err *err)
{
    struct beside *beside = s->beside;
    const struct existing *existing = beside->s.target.existing;
    struct strbuf path = { 0 };
    int rc = 0;

    if (s->run.ranks.rank == 0 && existing && existing->file && existing->files > 0) {
        beside->found = list_files(s, existing->file, err);
        rc = beside->found ? 0 : -1;
        strbuf_adds(&path, beside->s.run.opt.dest);
    }
    if (agree_step(&s->run.ranks, rc, err) < 0) {
        strbuf_release(&path);
        return -1;
    }
    rc = agree_share(&s->run.ranks, &path, err);
    if (rc == 0 && path.len > 0 && !(beside->path = strbuf_steal(&path)))
        rc = err_memory(err, "a path");
    strbuf_release(&path);
    s->run.nearby = (struct run_nearby){ .path = beside->path,
                                         .has = beside->found,
                                         .known = existing ? existing->file : NULL };
    return agree_step(&s->run.ranks, rc, err);
}

/* Before hours of work, and not only for DEST: the path is wrong. */
static int check_sharing(struct session *s, struct err *err)
{
    struct beside *beside = s->beside;
    int rc;

    if (beside->err.code != ERR_NONE || beside->s.report.unchanged)
        return 0;
    handover_pass(s, &beside->s);
    rc = sharing_check(&beside->s, err);
    handover_pass(&beside->s, s);
    return rc;
}

static int build(struct session *dest, struct err *err)
{
    return dest->report.unchanged ? 0 : session_build(dest, err);
}

int beside_stage(struct session *s, struct err *err)
{
    if (!s->beside)
        return 0;
    if (step(s, build, err) < 0 || check_sharing(s, err) < 0)
        return -1;
    return s->report.unchanged ? 0 : offer(s, err);
}

/* Of those that DEST has, as nodes found out when they read it there. */
static bool is_bad(const struct beside *beside, size_t file)
{
    const struct existing *existing = beside->s.target.existing;

    return beside->found && !beside->found[file] && existing->file[file].there;
}

/* It would be published once more, as if it were right. */
static int drop_bad(void *arg, struct err *err)
{
    struct beside *beside = arg;
    struct session *dest = &beside->s;

    for (size_t i = 0; i < dest->run.plan.nfiles; i++)
        if (is_bad(beside, i) &&
            staging_give_up(&dest->run, (uint32_t)i, &dest->target.existing->file[i],
                            err) < 0)
            return -1;
    return 0;
}

static int fill(struct session *dest, struct err *err)
{
    /* Its session is the first member. */
    int rc = dest->run.keeper
                 ? background_run(&dest->run.ranks, drop_bad, (struct beside *)dest, err)
                 : 0;

    if (agree_step(&dest->run.ranks, rc, err) < 0)
        return -1;
    return session_fetch(dest, err) < 0 ? -1 : finish_publish(dest, err);
}

/* It seemed to have everything: as if its files had been hashed before the nodes had theirs
 * (app/rehash.h). */
static int doubt_bad(void *arg, struct err *err)
{
    struct beside *beside = arg;
    struct session *dest = &beside->s;

    for (size_t i = 0; i < dest->run.plan.nfiles; i++)
        dest->target.existing->file[i].wrong |= is_bad(beside, i);
    segments_release(&dest->run.segments);
    return target_drop_wrong(&dest->target, err) < 0 ? -1
                                                     : target_settle(&dest->target, err);
}

static int mend(struct session *dest, struct err *err)
{
    int rc = dest->run.keeper
                 ? background_run(&dest->run.ranks, doubt_bad, (struct beside *)dest, err)
                 : 0;

    if (agree_step(&dest->run.ranks, rc, err) < 0 || course_claim(dest, err) < 0 ||
        build(dest, err) < 0)
        return -1;
    return dest->report.unchanged ? 0 : sharing_check(dest, err);
}

/* 1: nodes have found what is bad in a DEST that has everything; 0: they have not. */
static int is_to_be_mended(struct session *s, struct err *err)
{
    const struct beside *beside = s->beside;
    struct strbuf bad = { 0 };
    int rc;

    if (!beside->s.report.unchanged)
        return 0;
    for (size_t i = 0; beside->found && bad.len == 0 && i < s->run.plan.nfiles; i++)
        if (is_bad(beside, i))
            strbuf_adds(&bad, "1");
    rc = agree_share(&s->run.ranks, &bad, err);
    if (rc == 0 && bad.len > 0)
        rc = 1;
    strbuf_release(&bad);
    return agree_step(&s->run.ranks, rc < 0 ? rc : 0, err) < 0 ? -1 : rc;
}

/* Whether the copy of some node has it, so that its ranks can read it there. */
static bool is_on_a_node(const struct session *s, size_t file)
{
    const struct run *run = &s->run;
    bool is = !nodes_spread(run);

    for (int i = 0; !is && i < nodes_count(&run->ranks); i++)
        is = (!run->nodes.failed[i] || run->nodes.had[i]) && wants_of(run, i, file);
    return is;
}

/* Rank 0. What no node has is fetched for DEST alone. */
static int set_left(struct session *s, struct err *err)
{
    struct beside *beside = s->beside;
    const struct existing *there = beside->s.target.existing;

    beside->left = list_files(s, NULL, err);
    for (size_t i = 0; beside->left && i < s->run.plan.nfiles; i++) {
        beside->left[i] = is_on_a_node(s, i);
        if (!beside->left[i] && there && there->file && !there->file[i].there)
            s->report.to_fetch += s->run.plan.files[i].size;
    }
    return beside->left ? 0 : -1;
}

/* Each rank reads the copy of its node, and those of nodes that have none do nothing. */
static int set_source(struct session *s, struct err *err)
{
    struct beside *beside = s->beside;
    struct run *run = &beside->s.run;
    const struct existing *existing = s->target.existing;

    if (nodes_spread(&s->run) && per_node_deal(s, true, err) < 0)
        return -1;
    run->slots = s->run.slots;
    run->slots_most = s->run.slots_most;
    run->nearby =
        (struct run_nearby){ .path = s->named, .uncached = !run->opt.per_node_cached };
    if (s->run.ranks.rank != 0)
        return 0;
    if (set_left(s, err) < 0)
        return -1;
    run->nearby.has = beside->left;
    run->nearby.known = existing->file;
    run->nodes.all = s->run.nodes.all; /* by those who have it */
    return 0;
}

/* What the source had to be asked for all the same. */
static void add_figures(struct session *s)
{
    static const enum stats_item items[] = { STAT_FETCHED,       STAT_HASHED,
                                             STAT_DATA_REQUESTS, STAT_RESOLVE_REQUESTS,
                                             STAT_RETRIED,       STAT_CUT,
                                             STAT_REPLACED,      STAT_BUSY };
    const struct session *dest = &s->beside->s;

    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
        s->run.stats.value[items[i]] += dest->run.stats.value[items[i]];
    s->report.resolve_requests += dest->report.resolve_requests;
}

static void note(struct session *s, double began)
{
    const struct beside *beside = s->beside;
    const struct report *report = &beside->s.report;

    double now = clock_now();

    add_figures(s);
    if (report->published && s->trace.origin > 0)
        trace_span(s->run.trace, TRACE_DEST, 0, UINT32_MAX, 0, began, now);
    s->report.beside = (struct report_beside){ .path = beside->s.named,
                                               .published = report->published,
                                               .unchanged = report->unchanged,
                                               .err = beside->err,
                                               .bytes = report->to_fetch,
                                               .seconds = now - began };
    if (report->published) {
        s->report.unchanged = false;
        s->report.published = true;
        s->report.stale |= report->stale;
    }
}

int beside_publish(struct session *s, struct err *err)
{
    struct beside *beside = s->beside;
    double began = clock_now();
    int rc;

    if (!beside)
        return 0;
    rc = is_to_be_mended(s, err);
    if (rc > 0)
        rc = step(s, mend, err);
    if (rc < 0)
        return -1;
    if (!beside->s.report.unchanged) {
        beside->s.phase_began = began;
        rc = agree_step(&s->run.ranks, set_source(s, err), err);
        if (rc == 0)
            rc = step(s, fill, err);
    }
    note(s, began);
    return rc;
}

int beside_judge(struct session *s, struct err *err)
{
    const struct beside *beside = s->beside;
    struct err why = { 0 };
    int rc = nodes_spread(&s->run) ? per_node_judge(s, &why) : 0;

    if (beside && beside->err.code != ERR_NONE)
        rc = err_set_why(err, ERR_DEST, beside->err.reason, "'%s' %s published: %s%s%s",
                         beside->s.named, s->only_plan ? "cannot be" : "is not",
                         beside->err.text, rc < 0 ? "; " : "", rc < 0 ? why.text : "");
    else if (rc < 0)
        err_copy(err, &why);
    return agree_step(&s->run.ranks, rc, err);
}

void beside_leave(struct session *s)
{
    struct beside *beside = s->beside;

    if (!beside || beside->err.code != ERR_NONE)
        return;
    handover_pass(s, &beside->s);
    finish_leave(&beside->s);
    handover_pass(&beside->s, s);
}

void beside_close(struct session *s)
{
    struct beside *beside = s->beside;

    if (!beside)
        return;
    if (s->run.ranks.rank == 0)
        give_back(&beside->s);
    session_release(&beside->s);
    http_destroy(beside->s.transfers);
    free(beside->path);
    free(beside->found);
    free(beside->left);
    free(beside);
    s->beside = NULL;
}
