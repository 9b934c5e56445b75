#include "app/handover.h"

#include <string.h>

#include "app/check.h"
#include "app/login.h"
#include "app/run_options.h"
#include "io/clock.h"
#include "ranks/background.h"

void handover_pass(struct session *from, struct session *to)
{
    struct ranks *ranks = &to->run.ranks;

    *ranks = from->run.ranks;
    from->run.ranks = (struct ranks){ 0 };
    ranks->interrupted_arg = to;
    if (ranks->explain)
        ranks->explain_arg = &to->run;
    delegate_move(from->delegate, ranks);
    errands_move(from->errands, ranks, to);
    to->http = from->http;
    to->transfers = from->transfers;
    to->transfers_most = from->transfers_most;
    to->delegate = from->delegate;
    to->errands = from->errands;
    to->slots = from->slots;
    to->umask_before = from->umask_before;
    to->umask_changed = from->umask_changed;
    from->http = NULL;
    from->transfers = NULL;
    from->delegate = NULL;
    from->errands = NULL;
    from->slots = NULL;
    from->umask_changed = false;
}

static int check(void *arg, struct err *err)
{
    return check_places(arg, err);
}

/* Headers point into what belongs to a session. */
static int take_over(struct session *s, const struct run *before, struct err *err)
{
    struct run *run = &s->run;

    run->opt = before->opt;
    run->opt.dest = s->dest;
    if (login_open(s, err) < 0)
        return -1;
    run->opt.patterns = run_options_select(s->options);
    run->keeper = before->keeper;
    run->mtime = before->mtime;
    run->slots = before->slots;
    run->slots_most = before->slots_most;
    run->memory_at_start = before->memory_at_start;
    if (before->staging.owner && !(run->staging.owner = strdup(before->staging.owner)))
        return err_memory(err, "the list of ranks");
    return 0;
}

int handover_open(struct session *s, struct session *before,
                  const struct mpifetch_options *options, struct err *err)
{
    int rc;

    *s = (struct session){ .options = options,
                           .sources = before->sources,
                           .task = before->task,
                           .only_plan = before->only_plan,
                           .began = clock_now() };
    s->phase_began = s->began;
    handover_pass(before, s);
    rc = background_run(&s->run.ranks, check, s, err);
    if (rc == 0)
        rc = take_over(s, &before->run, err);
    return agree_step(&s->run.ranks, rc, err);
}
