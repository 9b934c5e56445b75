#include "ranks/outcome.h"

#include <stdlib.h>
#include <string.h>

#include "ranks/nodes.h"
#include "ranks/wants.h"

enum { NAMED = 8 }; /* nodes whose reasons are told */

int outcome_open(struct run *run, struct err *err)
{
    size_t count = (size_t)nodes_count(&run->ranks);

    run->nodes.failed = calloc(count, sizeof(*run->nodes.failed));
    run->nodes.had = calloc(count, sizeof(*run->nodes.had));
    run->nodes.err = calloc(count, sizeof(*run->nodes.err));
    return run->nodes.failed && run->nodes.had && run->nodes.err
               ? 0
               : err_memory(err, "the list of nodes");
}

void outcome_release(struct run *run)
{
    free(run->nodes.failed);
    free(run->nodes.had);
    free(run->nodes.err);
    free(run->nodes.holding);
    free(run->nodes.sum);
    node_wants_release(&run->nodes.mine);
    node_wants_release(&run->nodes.all);
    run->nodes = (struct run_nodes){ 0 };
}

static void fail(struct run *run, int node, const struct err *why, bool had)
{
    if (run->nodes.err[node].code != ERR_NONE)
        return;
    run->nodes.err[node] = *why;
    run->nodes.failed[node] = true;
    run->nodes.had[node] = had;
    log_line(&run->ranks.log, LOG_WARN, "%s%s: %s",
             comm_host(run->ranks.comm, nodes_keeper(&run->ranks, node)),
             had ? " has all of it, but can give nothing to others" : "", why->text);
}

void outcome_fail(struct run *run, int node, const struct err *why)
{
    fail(run, node, why, false);
}

int outcome_failed(const struct run *run)
{
    int failed = 0;

    for (int i = 0; i < nodes_count(&run->ranks); i++)
        failed += run->nodes.failed[i];
    return failed;
}

static bool is_missed(const struct run *run, int node)
{
    return run->nodes.failed[node] && !run->nodes.had[node] &&
           (!run->nodes.all.bits || wants_part_of(run, node).files > 0);
}

int outcome_missing(const struct run *run)
{
    int missing = 0;

    for (int i = 0; i < nodes_count(&run->ranks); i++)
        missing += is_missed(run, i);
    return missing;
}

int outcome_tell(const struct run *run, const char *what, struct err *err)
{
    int nodes = nodes_count(&run->ranks), missing = outcome_missing(run), named = 0;
    struct strbuf text = { 0 };
    enum err_code code = ERR_DEST;
    enum err_reason reason = REASON_NONE;

    for (int i = 0; i < nodes && named < NAMED; i++) {
        if (!is_missed(run, i))
            continue;
        if (named == 0) {
            code = run->nodes.err[i].code;
            reason = run->nodes.err[i].reason;
        }
        strbuf_addf(&text, "%s%s: %s", named++ > 0 ? "; " : "",
                    comm_host(run->ranks.comm, nodes_keeper(&run->ranks, i)),
                    run->nodes.err[i].text);
    }
    err_set_why(err, code, reason, "'%s' %s on %d of %d nodes: %s", run->opt.dest, what,
                missing, nodes, text.data ? text.data : "");
    strbuf_release(&text);
    return -1;
}

struct failure {
    struct err err;
    bool had;
};

static int take_error(void *arg, int rank, const void *bytes, size_t len, struct err *err)
{
    struct run *run = arg;
    struct failure why;

    if (len == 0)
        return 0;
    if (len != sizeof(why))
        return err_set(err, ERR_DEFECT, "rank %d runs a different build of mpifetch",
                       rank);
    memcpy(&why, bytes, len);
    fail(run, nodes_of(&run->ranks, rank), &why.err, why.had);
    return 0;
}

static int share_failed(struct run *run, struct err *err)
{
    size_t nodes = (size_t)nodes_count(&run->ranks);
    struct strbuf bytes = { 0 };
    int rc;

    if (run->ranks.rank == 0) {
        strbuf_add(&bytes, run->nodes.failed, nodes);
        strbuf_add(&bytes, run->nodes.had, nodes);
    }
    rc = agree_share(&run->ranks, &bytes, err);
    if (rc == 0 && bytes.len != 2 * nodes)
        rc = err_set(err, ERR_DEFECT, "the list of nodes from rank 0 is truncated");
    if (rc == 0) {
        memcpy(run->nodes.failed, bytes.data, nodes);
        memcpy(run->nodes.had, bytes.data + nodes, nodes);
    }
    run->nodes.out = run->nodes.failed[nodes_of(&run->ranks, run->ranks.rank)];
    strbuf_release(&bytes);
    return agree_step(&run->ranks, rc, err);
}

static bool any_had(const struct run *run)
{
    bool any = false;

    for (int i = 0; i < nodes_count(&run->ranks); i++)
        any |= run->nodes.had[i];
    return any;
}

static int step(struct run *run, int rc, bool all_may_fail, struct err *err)
{
    struct ranks *ranks = &run->ranks;
    bool mine = rc < 0 && err->code == ERR_DEST;
    struct failure own = { 0 };
    int gathered;

    if (mine) {
        own = (struct failure){ *err, run->nodes.has_all };
        err_clear(err);
        rc = 0;
    }
    gathered = agree_gather(ranks, MSG_SEEN, &own, mine ? sizeof(own) : 0, take_error,
                            run, rc < 0 ? &own.err : err);
    if (gathered < 0)
        rc = -1;
    if (rc == 0 && ranks->rank == 0 && outcome_failed(run) == nodes_count(ranks) &&
        !(all_may_fail && any_had(run)))
        rc = outcome_tell(run, "is missing", err);
    return agree_step(ranks, rc, err) < 0 ? -1 : share_failed(run, err);
}

int outcome_step(struct run *run, int rc, struct err *err)
{
    return step(run, rc, false, err);
}

int outcome_step_had(struct run *run, int rc, struct err *err)
{
    return step(run, rc, true, err);
}
