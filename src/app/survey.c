#include "app/survey.h"

#include <stdlib.h>
#include <string.h>

#include "app/listing.h"
#include "app/node_parts.h"
#include "app/offline.h"
#include "app/rehash.h"
#include "ranks/wants.h"
#include "resume/release.h"
#include "resume/resume.h"

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

int survey_source(void *arg, struct err *err)
{
    struct session *s = arg;

    if (listing_make(s, err) < 0 || count_untrusted(s, err) < 0)
        return -1;
    if (s->run.opt.per_node_parts && node_parts_check(s, err) < 0)
        return -1;
    if (s->run.opt.per_node_parts)
        node_parts_tell(s);
    session_end_phase(s, REPORT_LIST);
    return 0;
}

int survey(void *arg, struct err *err)
{
    return survey_source(arg, err) < 0 ? -1 : survey_dest(arg, err);
}

int survey_dest(void *arg, struct err *err)
{
    struct session *s = arg;
    struct run *run = &s->run;

    if (target_look(&s->target, run, s->whole.nfiles > 0 ? &s->whole : NULL, err) < 0)
        return -1;
    /* A plan hashes nothing. */
    return s->offline && (s->only_plan || s->target.existing->unsure == 0)
               ? offline_refuse(s, err)
               : 0;
}

/* What was hashed is not hashed again: a file that was found wrong stays wrong until it is
 * fetched, whatever its size and time are, and one that was found right stays so. */
static void remember(struct existing_file *now, const struct existing_file *before)
{
    if (now->there)
        now->wrong = before->wrong;
    if (!now->unsure)
        return;
    now->wrong = !before->there || before->wrong || !existing_is_same(now, before);
    memcpy(now->sha256, before->sha256, sizeof(now->sha256));
}

/* Look once more. */
static int look_again(struct session *s, struct err *err)
{
    struct target *target = &s->target;
    size_t count = s->run.plan.nfiles;
    struct existing_file *before = malloc((count + 1) * sizeof(*before));
    int rc = -1;

    if (!before)
        return err_memory(err, "the list of files");
    memcpy(before, target->existing->file, count * sizeof(*before));
    rc = target_look(target, &s->run, s->whole.nfiles > 0 ? &s->whole : NULL, err);
    for (size_t i = 0; rc == 0 && i < count; i++)
        remember(&target->existing->file[i], &before[i]);
    if (rc == 0)
        rc = target_drop_wrong(target, err);
    if (rc == 0 && target->existing->unsure > 0)
        rc = target_settle(target, err);
    free(before);
    return rc;
}

/* Everything is there, and only the record of it could not be written. */
static void do_without(struct session *s, struct err *err)
{
    log_line(&s->run.ranks.log, LOG_WARN, "no record of '%s' is written: %s",
             s->run.opt.dest, err->text);
    err_clear(err);
    s->target.existing->unchanged = true;
}

/* Until the staging belongs to this run, or another run has published all of it. The
 * previous owner may have published just before it ended. */
static int claim(struct session *s, struct err *err)
{
    int rc = 1;

    while (rc == 1 && !s->only_plan && !s->offline && !s->target.existing->unchanged) {
        rc = target_claim(&s->target, err);
        if (rc >= 0 && (rc == 1 || target_is_old(&s->target)) && look_again(s, err) < 0)
            rc = -1;
    }
    if (rc < 0 && s->target.existing->complete && err->code == ERR_DEST) {
        do_without(s, err);
        return 0;
    }
    if (rc == 0 && !s->target.existing->unchanged)
        rc = target_adopt(&s->target, err);
    if (rc == 0 && s->target.existing->unchanged) {
        resume_release(s->run.staging.resume);
        s->run.staging.resume = NULL;
        release_staging(&s->run, RELEASE_OWN);
    }
    return rc < 0 ? -1 : 0;
}

int survey_node(void *arg, struct err *err)
{
    struct session *s = arg;
    struct target *target = &s->target;
    bool check;

    if (target_look(target, &s->run, s->whole.nfiles > 0 ? &s->whole : NULL, err) < 0)
        return -1;
    check = (s->run.opt.check && target->existing->files > 0) ||
            (!s->only_plan && target->existing->unsure > 0);
    return check ? rehash_node(s, err) : 0;
}

int survey_foresee_node(void *arg, struct err *err)
{
    const struct session *s = arg;

    return target_foresee(&s->target, err);
}

int survey_claim_node(void *arg, struct err *err)
{
    struct session *s = arg;
    struct target *target = &s->target;
    int rc = 1;

    while (rc == 1) {
        rc = target_claim(target, err);
        if (rc >= 0 && (rc == 1 || target_is_old(target)) && look_again(s, err) < 0)
            return -1;
    }
    /* It is there, though others cannot have it from here, and no record can be made. */
    s->run.nodes.has_all = rc < 0 && !wants_nothing(&s->run) &&
                           (target->existing->unchanged || target->existing->complete);
    return rc < 0 || target->existing->unchanged ? rc : target_adopt(target, err);
}

int survey_claim(void *arg, struct err *err)
{
    struct session *s = arg;
    const struct existing *existing;

    if (claim(s, err) < 0)
        return -1;
    offline_tell(s);
    existing = s->target.existing;
    if (existing->unchanged && !s->only_plan && !s->offline)
        target_sweep(&s->target);
    s->report.reused_files = existing->files;
    s->report.reused_bytes = existing->bytes;
    s->report.dropped_files = existing->dropped;
    s->report.unchanged = existing->unchanged;
    if (s->only_plan && (s->run.opt.per_node || s->part) &&
        target_foresee(&s->target, err) < 0)
        return -1;
    return session_cut(s, err);
}
