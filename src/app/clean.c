#include "app/clean.h"

#include <stdio.h>
#include <string.h>

#include "app/session.h"
#include "core/plan/layout.h"
#include "io/fs/fs.h"
#include "ranks/background.h"
#include "ranks/nodes.h"
#include "ranks/outcome.h"
#include "resume/sweep.h"

struct cleaning {
    struct session *s;
    struct sweep sweep;
};

/* A directory without permission does not stop the sweep of others; a signal does. */
static int pass_over(struct cleaning *cleaning, const struct err *why, struct err *err)
{
    if (why->code == ERR_INTERRUPTED)
        return err_copy(err, why);
    log_line(&cleaning->s->run.ranks.log, LOG_WARN, "%s", why->text);
    cleaning->sweep.refused++;
    return 0;
}

/* A folder of a cache is models--ns--name, and new ones are prepared in .locks. */
static int sweep_folder(void *arg, const char *name, struct err *err)
{
    struct cleaning *cleaning = arg;
    struct strbuf dir = { 0 };
    struct err why = { 0 };
    int rc = 0;

    if (!strstr(name, "--") && strcmp(name, ".locks") != 0)
        return 0;
    strbuf_addf(&dir, "%s/%s", cleaning->s->dest, name);
    if (dir.failed)
        rc = err_memory(err, "a path");
    else if (sweep_stagings(&cleaning->sweep, dir.data, NULL, &why) < 0)
        rc = pass_over(cleaning, &why, err);
    strbuf_release(&dir);
    return rc;
}

static int sweep_beside(struct cleaning *cleaning, struct err *err)
{
    const char *dest = cleaning->s->dest;
    struct strbuf parent = { 0 };
    int rc;

    layout_parent(dest, &parent);
    rc = parent.failed
             ? err_memory(err, "a path")
             : sweep_stagings(&cleaning->sweep, parent.data, layout_name(dest), err);
    strbuf_release(&parent);
    return rc;
}

/* The keeper: what lies at DEST, on a file system that all share or on one of its node. */
static int sweep_dest(struct cleaning *cleaning, struct err *err)
{
    const char *dir = cleaning->s->dest;
    struct err why = { 0 };
    struct fs_info info;

    if (fs_look_through(NULL, dir, &info, err) < 0)
        return -1;
    if (info.kind == FS_DIRECTORY &&
        (sweep_stagings(&cleaning->sweep, dir, NULL, err) < 0 ||
         fs_list(NULL, dir, sweep_folder, cleaning, err) < 0))
        return -1;
    /* DEST may be missing, if the first run died. */
    if (strcmp(dir, "/") != 0 && sweep_beside(cleaning, &why) < 0 &&
        pass_over(cleaning, &why, err) < 0)
        return -1;
    return sweep_wait(&cleaning->sweep, err);
}

static int sweep_all(void *arg, struct err *err)
{
    struct cleaning *cleaning = arg;
    struct sweep *sweep = &cleaning->sweep;

    if (comm_node_first(sweep->run->ranks.comm) &&
        sweep_scratch(sweep, cleaning->s->dest, err) < 0)
        return -1;
    if (sweep->run->keeper && sweep_dest(cleaning, err) < 0)
        return -1;
    if (sweep->refused > 0)
        return err_set(err, ERR_DEST, "%u directories of dead runs could not be removed",
                       sweep->refused);
    return 0;
}

struct counts {
    uint64_t removed, alive;
};

static int add_all(void *arg, int rank, const void *bytes, size_t len, struct err *err)
{
    struct counts *all = arg, one;

    if (len != sizeof(one))
        return err_set(err, ERR_DEFECT, "rank %d runs a different build of mpifetch",
                       rank);
    memcpy(&one, bytes, len);
    all->removed += one.removed;
    all->alive += one.alive;
    return 0;
}

/* Names only what is not zero. */
static void tell_counts(const struct cleaning *cleaning, const struct counts *all)
{
    const struct log *log = &cleaning->s->run.ranks.log;
    const char *verb = cleaning->sweep.only_say ? "would remove" : "removed";
    const char *noun = all->removed == 1 ? "leftover directory" : "leftover directories";
    unsigned long long removed = all->removed, alive = all->alive;

    if (removed == 0 && alive == 0)
        log_line(log, LOG_WARN, "nothing to remove");
    else if (alive == 0)
        log_line(log, LOG_WARN, "%s %llu %s", verb, removed, noun);
    else if (removed == 0)
        log_line(log, LOG_WARN, "%s nothing, kept %llu that may be in use", verb, alive);
    else
        log_line(log, LOG_WARN, "%s %llu %s, kept %llu that may be in use", verb, removed,
                 noun, alive);
}

static int sum_up(struct cleaning *cleaning, struct err *err)
{
    struct run *run = &cleaning->s->run;
    struct counts mine = { cleaning->sweep.removed, cleaning->sweep.alive },
                  all = { 0, 0 };

    if (agree_gather(&run->ranks, MSG_STATS, &mine, sizeof(mine), add_all, &all, err) < 0)
        return -1;
    if (run->ranks.rank == 0)
        tell_counts(cleaning, &all);
    return 0;
}

/* Nodes that could not be cleaned do not keep the others from it. */
static int end_nodes(struct run *run, struct err *err)
{
    int rc = run->ranks.rank == 0 && nodes_spread(run) && outcome_failed(run) > 0
                 ? outcome_tell(run, "could not be cleaned", err)
                 : 0;

    return agree_step(&run->ranks, rc, err);
}

static int run_clean(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    struct cleaning cleaning = {
        .s = s, .sweep = { .run = run, .only_say = s->options->dry_run != 0 }
    };
    int rc = background_run(&run->ranks, sweep_all, &cleaning, err);

    rc =
        nodes_spread(run) ? outcome_step(run, rc, err) : agree_step(&run->ranks, rc, err);
    if (rc == 0)
        rc = agree_step(&run->ranks, sum_up(&cleaning, err), err);
    sweep_release(&cleaning.sweep);
    return rc < 0 ? -1 : end_nodes(run, err);
}

int clean(MPI_Comm comm, const struct mpifetch_options *options,
          struct mpifetch_report *report)
{
    struct session s;
    struct err err = { 0 };
    int rc = session_open(&s, comm, options, 1, SESSION_CLEAN, &err);

    *report = (struct mpifetch_report){ 0 };
    if (rc == 0)
        rc = run_clean(&s, &err);
    if (rc < 0) {
        report->status = err.code != ERR_NONE ? (int)err.code : MPIFETCH_DEFECT;
        report->rank = err.rank;
        snprintf(report->error, sizeof(report->error), "%s", err.text);
    }
    report->lost = !session_close(&s);
    return report->status;
}
