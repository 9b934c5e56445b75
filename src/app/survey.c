#include "app/survey.h"

#include "app/listing.h"
#include "app/offline.h"

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

int survey(void *arg, struct err *err)
{
    struct session *s = arg;
    struct run *run = &s->run;

    if (listing_make(s, err) < 0)
        return -1;
    if (count_untrusted(s, err) < 0)
        return -1;
    session_end_phase(s, REPORT_LIST);
    if (target_look(&s->target, run, s->whole.nfiles > 0 ? &s->whole : NULL, err) < 0)
        return -1;
    return s->offline ? offline_refuse(s, err) : 0;
}

/* Until the staging is this run's own, or another run has published all of it. */
static int claim(struct session *s, struct err *err)
{
    int rc = 0;

    while (!s->only_plan && !s->offline && !s->target.have->unchanged) {
        rc = target_claim(&s->target, err);
        if (rc <= 0)
            break;
        if (target_look(&s->target, &s->run, s->whole.nfiles > 0 ? &s->whole : NULL,
                        err) < 0)
            return -1;
    }
    return rc;
}

int survey_claim(void *arg, struct err *err)
{
    struct session *s = arg;
    const struct inventory *have;

    if (claim(s, err) < 0)
        return -1;
    have = s->target.have;
    if (have->unchanged && !s->only_plan && !s->offline)
        target_sweep(&s->target);
    s->report.reused_files = have->files;
    s->report.reused_bytes = have->bytes;
    s->report.dropped_files = have->dropped;
    s->report.unchanged = have->unchanged;
    return session_cut(s, err);
}
