#include "app/course.h"

#include "app/offline.h"
#include "app/per_node.h"
#include "app/rehash.h"
#include "app/survey.h"
#include "ranks/background.h"
#include "ranks/nodes.h"

/* What decides how all ranks proceed: known to rank 0, or in its options, which the
 * environment of another rank may set differently. */
static int share_course(struct session *s, bool *check, struct err *err)
{
    struct run *run = &s->run;
    const char mine[] = { (char)s->report.unchanged, (char)s->only_plan,
                          (char)(s->options->trace != NULL), (char)*check };
    struct strbuf flags = { 0 };
    int rc;

    if (run->ranks.rank == 0)
        strbuf_add(&flags, mine, sizeof(mine));
    rc = agree_share(&run->ranks, &flags, err);
    if (rc == 0 && flags.len != sizeof(mine))
        rc = err_set(err, ERR_DEFECT, "rank 0 runs a different build of mpifetch");
    if (rc == 0) {
        s->report.unchanged = flags.data[0];
        s->only_plan = flags.data[1];
        run->ranks.liveness.stages = !s->only_plan;
        run->trace = flags.data[2] ? &s->trace : NULL;
        *check = flags.data[3];
    }
    strbuf_release(&flags);
    return agree_step(&run->ranks, rc, err);
}

static int look(struct session *s, int (*work)(void *arg, struct err *err),
                struct err *err)
{
    struct run *run = &s->run;
    int rc = run->ranks.rank == 0 ? background_run(&run->ranks, work, s, err) : 0;

    return agree_step(&run->ranks, rc, err);
}

int course_look(struct session *s, struct err *err)
{
    return nodes_spread(&s->run) ? 0 : look(s, survey, err);
}

int course_claim(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    bool check = false;
    int rc = 0;

    if (nodes_spread(run))
        return per_node_list(s, err);
    if (run->ranks.rank == 0) {
        check = (run->opt.check && s->target.existing->files > 0) ||
                (!s->only_plan && s->target.existing->unsure > 0);
        rc = check ? 0 : background_run(&run->ranks, survey_claim, s, err);
    }
    if (agree_step(&run->ranks, rc, err) < 0 || share_course(s, &check, err) < 0)
        return -1;
    if (!check)
        return 0;
    if (rehash_found(s, err) < 0)
        return -1;
    rc = s->offline ? offline_refuse(s, err) : 0;
    if (rc == 0 && run->ranks.rank == 0)
        rc = background_run(&run->ranks, survey_claim, s, err);
    return agree_step(&run->ranks, rc, err) < 0 ? -1 : share_course(s, &check, err);
}

int course_of_dest(struct session *s, struct err *err)
{
    return look(s, survey_dest, err) < 0 ? -1 : course_claim(s, err);
}
