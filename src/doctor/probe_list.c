#include "doctor/probe_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/guard.h"

/* Seconds. Where a rank is lost nobody waits for anybody, and a launcher ends the job
 * soon after the first rank that failed: rank 0 must have cleaned up and said why by
 * then. */
static const double LAST_WORD = 3;

/* What rank 0 was asked to do, as texts that each end in NUL: whether it is quick, DIR,
 * and our directory in it. */
static int write_task(struct probe *probe, const char *dir, bool quick, struct err *err)
{
    char *own = probe_new_name(dir);

    if (!own)
        return err_memory(err, "a path");
    strbuf_addf(&probe->task, "%d%c%s%c%s%c", quick, 0, dir, 0, own, 0);
    free(own);
    return 0;
}

/* Behind it the number of each node that has a scratch directory, and that. */
static int add_scratch(void *arg, int rank, const void *bytes, size_t len,
                       struct err *err)
{
    struct probe *probe = arg;

    (void)err;
    if (len > 0)
        strbuf_addf(&probe->task, "%d%c", comm_node(probe->run->ranks.comm, rank), 0);
    strbuf_add(&probe->task, bytes, len);
    return 0;
}

static const char *next_text(const struct strbuf *task, size_t *at)
{
    const char *text = *at < task->len ? task->data + *at : "";

    *at += strlen(text) + 1;
    return text;
}

static void read_task(struct probe *probe)
{
    const struct strbuf *task = &probe->task;
    size_t at = 0;

    probe->quick = *next_text(task, &at) == '1';
    probe->dir = next_text(task, &at);
    probe->own = next_text(task, &at);
    while (at < task->len) {
        int node = (int)strtol(next_text(task, &at), NULL, 10);

        probe->node[node].scratch = next_text(task, &at);
    }
}

/* All must run the same list on the same directories, and environments may differ. */
static int share_task(struct probe *probe, const char *dir, const char *scratch,
                      bool quick, struct err *err)
{
    struct run *run = probe->run;
    bool asked =
        scratch && strcmp(scratch, "none") != 0 && comm_node_first(run->ranks.comm);
    int rc = run->ranks.rank == 0 ? write_task(probe, dir, quick, err) : 0;

    if (agree_gather(&run->ranks, MSG_SEEN, scratch, asked ? strlen(scratch) + 1 : 0,
                     add_scratch, probe, err) < 0)
        rc = -1;
    if (agree_share(&run->ranks, &probe->task, err) < 0)
        rc = -1;
    if (agree_step(&run->ranks, rc, err) < 0)
        return -1;
    read_task(probe);
    return 0;
}

/* What cannot be made leaves much unknown, and is no error yet. */
static int make_own(struct probe *probe, struct err *err)
{
    char reason[PROBE_REASON];
    int outcome;

    orders_give(&probe->orders, 0, 0, ORDER_MAKE, "", "%s", probe->own);
    probe->asked = true;
    if (orders_carry_out(&probe->orders, err) < 0)
        return -1;
    outcome = orders_answer(&probe->orders, 0, 0)->outcome;
    probe->made = outcome == 0;
    probe->asked = outcome <= 0; /* it may be there although nobody has heard of it */
    if (probe->made)
        return 0;
    return err_set(err, ERR_DEST,
                   "cannot create a directory in '%s', so most of it was not tested: %s",
                   probe->dir, verdict_reason(reason, sizeof(reason), outcome));
}

static int run_list(struct probe *probe, struct err *err)
{
    static const struct {
        const char *what;
        int (*run)(struct probe *probe, struct err *err);
    } list[] = {
        { "which nodes see it", probe_sharing }, { "locks", probe_locks },
        { "names and files", probe_names },      { "races", probe_race },
        { "visibility", probe_visibility },      { "speed", probe_speed },
    };
    size_t count = countof(list) - (probe->quick ? 1 : 0); /* speed is the last */

    for (size_t i = 0; i < count; i++) {
        if (probe->run->ranks.rank == 0)
            log_line(&probe->run->ranks.log, LOG_INFO, "trying %s", list[i].what);
        if (list[i].run(probe, err) < 0)
            return -1;
        probe->facts.full = probe->orders.full;
    }
    return 0;
}

static int run_all(struct probe *probe, struct err *err)
{
    struct err fault = { 0 };
    int rc = probe_volumes(probe, err);

    if (rc == 0 && make_own(probe, &fault) < 0 && fault.code != ERR_DEST)
        rc = err_copy(err, &fault);
    if (rc == 0 && probe->made)
        rc = run_list(probe, err);
    if (rc == 0)
        rc = probe_scratch(probe, err);
    return rc == 0 && fault.code != ERR_NONE ? err_copy(err, &fault) : rc;
}

static void remove_own(struct probe *probe, const char *path)
{
    char reason[PROBE_REASON];
    int outcome = orders_remove(&probe->orders, path);

    if (outcome != 0)
        log_line(&probe->run->ranks.log, LOG_WARN,
                 "could not remove '%s' on %s, remove it by hand: %s", path,
                 comm_host(probe->run->ranks.comm, probe->run->ranks.rank),
                 verdict_reason(reason, sizeof(reason), outcome));
}

/* Whatever came before, and without regard to signals: they are why it ends, often. Each
 * rank removes what it made, once nobody makes anything any more. */
static void clean_up(struct probe *probe)
{
    struct err fault = { 0 };

    orders_abandon(&probe->orders);
    agree_step(&probe->run->ranks, 0, &fault);
    if (probe->run->ranks.rank == 0 && probe->asked)
        remove_own(probe, probe->own);
    if (probe->scratch_own)
        remove_own(probe, probe->scratch_own);
    if (probe->run->ranks.liveness.lost && probe->run->ranks.rank != 0)
        for (double until = clock_now() + LAST_WORD; clock_now() < until;) {
            guard_turn();
            clock_sleep(0.1);
        }
}

int probe_list_run(struct probe *probe, const char *dir, const char *scratch, bool quick,
                   struct err *err)
{
    int rc;

    probe->dir = dir;
    if (share_task(probe, dir, scratch, quick, err) < 0)
        return -1;
    rc = run_all(probe, err);
    clean_up(probe);
    return agree_step(&probe->run->ranks, rc, err);
}
