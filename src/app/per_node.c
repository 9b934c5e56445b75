#include "app/per_node.h"

#include <stdlib.h>
#include <string.h>

#include "app/holdings.h"
#include "app/node_parts.h"
#include "app/survey.h"
#include "core/plan/connection_share.h"
#include "ranks/background.h"
#include "ranks/nodes.h"
#include "ranks/outcome.h"
#include "ranks/share.h"
#include "ranks/wants.h"
#include "resume/release.h"
#include "resume/resume.h"
#include "staging/uncache.h"

/* Of each keeper, for rank 0. */
struct node_look {
    uint64_t bytes, files, dropped; /* that are there; of the old tree alone */
    uint64_t missing;               /* bytes of what it wants */
    uint64_t size, least;           /* how its leftovers want the plan to be cut */
    int64_t mtime;
    uint32_t unchanged;
};

/* What rank 0 makes of them, for all. */
struct node_course {
    uint64_t size, least;
    int64_t mtime;
    uint32_t together;
    uint32_t unchanged, only_plan, trace;
};

struct looks {
    struct session *s;
    struct node_look sum;
    int nodes; /* that have looked */
};

/* A keeper's work, whose node has not failed before. */
static int work_kept(struct session *s, int (*work)(void *arg, struct err *err),
                     struct err *err)
{
    struct run *run = &s->run;

    return run->keeper && !run->nodes.out ? background_run(&run->ranks, work, s, err) : 0;
}

static int run_kept(struct session *s, int (*work)(void *arg, struct err *err),
                    struct err *err)
{
    return outcome_step(&s->run, work_kept(s, work, err), err);
}

/* All files of the commit, for those who write a record of it. */
static int share_whole(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    struct strbuf bytes = { 0 };
    int rc = run->ranks.rank == 0 && s->whole.nfiles > 0
                 ? plan_encode(&s->whole, &bytes, err)
                 : 0;

    rc = agree_step(&run->ranks, rc, err);
    if (rc == 0)
        rc = agree_share(&run->ranks, &bytes, err);
    if (rc == 0 && run->keeper && run->ranks.rank != 0 && bytes.len > 0)
        rc = plan_decode(&s->whole, bytes.data, bytes.len, err);
    strbuf_release(&bytes);
    return agree_step(&run->ranks, rc, err);
}

static struct node_look look_of(const struct session *s)
{
    const struct existing *existing = s->target.existing;
    struct node_look look = { .bytes = existing->bytes,
                              .files = existing->files,
                              .dropped = existing->dropped,
                              .missing = wants_part(&s->run).bytes - existing->bytes,
                              .size = segment_unit(s->run.plan.nbytes),
                              .least = SEGMENT_WHOLE,
                              .mtime = s->run.mtime,
                              .unchanged = existing->unchanged };

    resume_fit(s->run.staging.resume, &look.size, &look.least);
    return look;
}

static int take_look(void *arg, int rank, const void *bytes, size_t len, struct err *err)
{
    struct looks *looks = arg;
    struct node_look *sum = &looks->sum, one;

    if (len == 0)
        return 0;
    if (len != sizeof(one))
        return err_set(err, ERR_DEFECT, "rank %d runs a different build of mpifetch",
                       rank);
    memcpy(&one, bytes, len);
    if (looks->nodes++ == 0) {
        *sum = one;
        return 0;
    }
    sum->bytes = one.bytes < sum->bytes ? one.bytes : sum->bytes;
    sum->files = one.files < sum->files ? one.files : sum->files;
    sum->missing = one.missing > sum->missing ? one.missing : sum->missing;
    sum->dropped = one.dropped > sum->dropped ? one.dropped : sum->dropped;
    sum->size = one.size < sum->size ? one.size : sum->size;
    sum->least = one.least < sum->least ? one.least : sum->least;
    sum->mtime = one.mtime > sum->mtime ? one.mtime : sum->mtime;
    sum->unchanged &= one.unchanged;
    return 0;
}

static int gather_looks(struct looks *looks, struct err *err)
{
    struct session *s = looks->s;
    struct run *run = &s->run;
    bool looked = run->keeper && !run->nodes.out;
    struct node_look mine = looked ? look_of(s) : (struct node_look){ 0 };
    int rc = agree_gather(&run->ranks, MSG_SEEN, &mine, looked ? sizeof(mine) : 0,
                          take_look, looks, err);

    return agree_step(&run->ranks, rc, err);
}

/* Pieces as rank 0 would choose them for a shared DEST, from what the node that lacks most
 * does. */
static void set_cut(struct session *s, const struct node_look *sum,
                    struct node_course *course)
{
    uint64_t asked = s->options->segment_size, missing = sum->missing;
    uint32_t slots = 0, ranks = 0;

    for (int i = 0; i < s->run.ranks.size; i++) {
        slots += s->slots[i];
        ranks += s->slots[i] > 0;
    }
    if (asked > 0) {
        course->size = course->least = segment_size_bounded(asked, s->run.plan.nbytes);
        course->together = 1;
        return;
    }
    course->size = sum->size;
    course->least = sum->least == SEGMENT_WHOLE ? sum->least : sum->size;
    course->together = segment_together(course->size, missing, slots, ranks);
}

static struct node_course course_of(struct session *s, const struct node_look *sum)
{
    struct node_course course = {
        .mtime = sum->mtime,
        .unchanged = sum->unchanged && outcome_missing(&s->run) == 0,
        .only_plan = s->only_plan,
        .trace = s->options->trace != NULL,
    };

    set_cut(s, sum, &course);
    return course;
}

static void take_course(struct session *s, const struct node_course *course)
{
    struct run *run = &s->run;

    run->mtime = course->mtime;
    s->only_plan = course->only_plan;
    s->report.unchanged = course->unchanged;
    run->ranks.liveness.stages = !s->only_plan;
    run->trace = course->trace ? &s->trace : NULL;
}

/* From what all nodes have found to what all do. */
static int settle_course(struct session *s, struct node_course *course, struct err *err)
{
    struct run *run = &s->run;
    struct looks looks = { .s = s };
    struct strbuf bytes = { 0 };
    int rc;

    if (gather_looks(&looks, err) < 0)
        return -1;
    if (run->ranks.rank == 0) {
        *course = course_of(s, &looks.sum);
        s->report.reused_files = looks.sum.files;
        s->report.reused_bytes = looks.sum.bytes;
        s->report.dropped_files = looks.sum.dropped;
        strbuf_add(&bytes, course, sizeof(*course));
    }
    rc = agree_share(&run->ranks, &bytes, err);
    if (rc == 0 && bytes.len != sizeof(*course))
        rc = err_set(err, ERR_DEFECT, "rank 0 runs a different build of mpifetch");
    if (rc == 0) {
        memcpy(course, bytes.data, sizeof(*course));
        take_course(s, course);
    }
    strbuf_release(&bytes);
    return agree_step(&run->ranks, rc, err);
}

/* What the Hub has not confirmed is only good if it is there everywhere. */
static int check_offline(struct session *s, struct err *err)
{
    if (s->run.ranks.rank == 0 && s->offline && !s->report.unchanged)
        return err_copy(err, &s->unreachable);
    return 0;
}

static int sweep(void *arg, struct err *err)
{
    struct session *s = arg;

    (void)err;
    target_sweep(&s->target);
    return 0;
}

static int find_parts(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    int rc = run->opt.per_node_parts ? node_parts_find(s, err) : 0;

    return agree_step(&run->ranks, rc, err);
}

/* Some had everything, and no other can have it. */
static bool nobody_goes_on(const struct run *run)
{
    bool nobody = true;

    for (int i = 0; i < nodes_count(&run->ranks); i++)
        nobody &= run->nodes.failed[i];
    return nobody;
}

int per_node_list(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    struct node_course course = { 0 };
    int rc =
        run->ranks.rank == 0 ? background_run(&run->ranks, survey_source, s, err) : 0;

    if (agree_step(&run->ranks, rc, err) < 0 || share_run(run, err) < 0 ||
        share_whole(s, err) < 0 || find_parts(s, err) < 0)
        return -1;
    if (run_kept(s, survey_node, err) < 0 || settle_course(s, &course, err) < 0 ||
        agree_step(&run->ranks, check_offline(s, err), err) < 0)
        return -1;
    if (s->only_plan)
        return run_kept(s, survey_foresee_node, err);
    if (s->report.unchanged)
        return run_kept(s, sweep, err);
    if (outcome_step_had(run, work_kept(s, survey_claim_node, err), err) < 0)
        return -1;
    s->report.unchanged = nobody_goes_on(run);
    if (s->report.unchanged)
        return 0;
    if (settle_course(s, &course, err) < 0)
        return -1;
    /* Another run may have published all of it meanwhile, so there is nothing to do but to
     * leave as it is what was claimed. */
    s->report.unchanged = false;
    return agree_step(&run->ranks,
                      segments_cut_finely(&run->segments, &run->plan, course.size,
                                          course.least, course.together, err),
                      err);
}

static int build(void *arg, struct err *err)
{
    struct session *s = arg;

    return target_build(&s->target, err);
}

int per_node_deal(struct session *s, bool reads, struct err *err)
{
    struct run *run = &s->run;
    size_t count = (size_t)run->ranks.size;
    unsigned *most = calloc(count, sizeof(*most));
    int *node = calloc(count, sizeof(*node));
    int rc = most && node ? 0 : err_memory(err, "the list of ranks");

    for (int i = 0; most && node && i < run->ranks.size; i++) {
        int of = nodes_of(&run->ranks, i);
        bool failed = run->nodes.failed[of] && !(reads && run->nodes.had[of]);

        node[i] = comm_node(run->ranks.comm, i);
        most[i] = failed ? 0 : run->opt.connections;
    }
    if (rc == 0) {
        connection_share_slots(node, most, run->ranks.size, run->opt.max_connections,
                               s->slots);
        run->slots = s->slots[run->ranks.rank];
        run->slots_most =
            connection_share_most(run->slots, run->opt.max_connections, run->opt.pinned);
    }
    free(most);
    free(node);
    return rc;
}

int per_node_stage(struct session *s, struct err *err)
{
    struct run *run = &s->run;

    if (run_kept(s, build, err) < 0 || share_staging(run, err) < 0)
        return -1;
    run->existing = run->keeper && s->target.existing ? s->target.existing->file : NULL;
    if (holdings_find(s, err) < 0)
        return -1;
    return agree_step(&run->ranks, per_node_deal(s, false, err), err);
}

static int take_traffic(void *arg, int rank, const void *bytes, size_t len,
                        struct err *err)
{
    struct session *s = arg;

    (void)err;
    if (s->report.nodes && len == sizeof(struct traffic))
        memcpy(&s->report.nodes[nodes_of(&s->run.ranks, rank)].traffic, bytes, len);
    return 0;
}

int per_node_note(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    struct traffic mine = worker_traffic(s->worker);
    int nodes = nodes_count(&run->ranks);

    run->stats.value[STAT_RESUMED] += s->resumed;
    /* Without memory the report has none. */
    if (s->coordinator)
        s->report.nodes = calloc((size_t)nodes, sizeof(*s->report.nodes));
    for (int i = 0; s->report.nodes && i < nodes; i++) {
        double complete = coordinator_complete(s->coordinator, i);

        s->report.nodes[i].complete =
            complete > s->phase_began ? complete - s->phase_began : 0;
    }
    return agree_gather(&run->ranks, MSG_STATS, &mine, run->keeper ? sizeof(mine) : 0,
                        take_traffic, s, err);
}

static int sync_mine(void *arg, struct err *err)
{
    const struct session *s = arg;

    return worker_sync(s->worker, err);
}

/* Where all was there, and is what it was, nothing is published anew. */
static bool is_unchanged(const struct session *s)
{
    const struct existing *existing = s->target.existing;
    bool unchanged = existing->unchanged;

    for (size_t i = 0; i < s->run.plan.nfiles && unchanged; i++)
        unchanged = existing->file[i].there || !wants_file(&s->run, i);
    return unchanged;
}

static int complete(void *arg, struct err *err)
{
    struct session *s = arg;

    if (is_unchanged(s))
        return 0;
    uncache_tree(&s->run, s->target.existing->file);
    return target_complete(&s->target, err);
}

/* Others do the same, so what fails here is missing on this node alone. */
static int show(void *arg, struct err *err)
{
    struct session *s = arg;

    if (is_unchanged(s) || target_commit(&s->target, &s->mark, err) == 0)
        return 0;
    if (!s->run.ranks.liveness.lost)
        err->code = ERR_DEST;
    return -1;
}

static int clean(void *arg, struct err *err)
{
    struct session *s = arg;

    (void)err;
    if (is_unchanged(s))
        release_staging(&s->run, RELEASE_OWN);
    else
        target_clean(&s->target);
    return 0;
}

/* What has been fetched stays for the next run. */
static int leave(void *arg, struct err *err)
{
    (void)err;
    release_staging(arg, RELEASE_HAND_OVER);
    return 0;
}

int per_node_publish(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    int rc = 0;

    if (run->opt.sync && !run->nodes.out)
        rc = background_run(&run->ranks, sync_mine, s, err);
    if (outcome_step(run, rc, err) < 0 || run_kept(s, complete, err) < 0)
        return -1;
    /* The last moment at which a signal, on any rank, can end the run. */
    if (agree_step(&run->ranks, agree_listen(&run->ranks, err), err) < 0)
        return -1;
    agree_bind(&run->ranks);
    rc = run_kept(s, show, err);
    agree_unbind(&run->ranks);
    if (rc < 0)
        return -1;
    session_settle(s);
    s->report.published = true;
    worker_destroy(s->worker);
    s->worker = NULL;
    if (run->keeper && run->nodes.out)
        background_run(&run->ranks, leave, run, NULL);
    return run_kept(s, clean, err);
}

int per_node_judge(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    struct err why = { 0 };

    if (run->ranks.rank != 0 || outcome_missing(run) == 0)
        return 0;
    outcome_tell(run, s->only_plan ? "cannot be published" : "is missing", &why);
    if (!s->options->per_node_optional)
        return err_copy(err, &why);
    log_line(&run->ranks.log, LOG_WARN, "%s", why.text);
    return 0;
}
