#include "ranks/owners.h"

#include <stdlib.h>
#include <string.h>

#include "io/process.h"
#include "ranks/nodes.h"

static int take_process(void *arg, int rank, const void *bytes, size_t len,
                        struct err *err)
{
    struct owner_process *all = arg;

    if (!all)
        return err_memory(err, "the list of ranks");
    if (len != sizeof(*all))
        return err_set(err, ERR_DEFECT, "rank %d runs a different build of mpifetch",
                       rank);
    memcpy(&all[rank], bytes, len);
    return 0;
}

/* On a disk of its own a node names those that write there: of processes on other nodes
 * nobody could say there whether they live. */
static int write_owner(struct run *run, const struct owner_process *all, struct err *err)
{
    int node = nodes_of(&run->ranks, run->ranks.rank);
    struct strbuf text = { 0 };
    struct owner_job job;

    process_job(&job);
    owner_begin(&text);
    for (int i = 0; i < run->ranks.size; i++)
        if (!nodes_spread(run) || nodes_of(&run->ranks, i) == node)
            owner_add_process(&text, &all[i]);
    owner_add_job(&text, &job);
    owner_end(&text);
    run->staging.owner = strbuf_steal(&text);
    return run->staging.owner ? 0 : err_memory(err, "the list of ranks");
}

/* From rank 0 to all keepers. */
static int share_owners(struct run *run, const struct owner_process *all, int rc,
                        struct err *err)
{
    size_t size = (size_t)run->ranks.size * sizeof(*all);
    struct strbuf bytes = { 0 };

    if (rc < 0)
        return -1;
    if (run->ranks.rank == 0)
        strbuf_add(&bytes, all, size);
    rc = agree_share(&run->ranks, &bytes, err);
    if (rc == 0 && bytes.len != size)
        rc = err_set(err, ERR_DEFECT, "the list of ranks from rank 0 is truncated");
    if (rc == 0 && run->keeper)
        rc = write_owner(run, (const struct owner_process *)(void *)bytes.data, err);
    strbuf_release(&bytes);
    return rc;
}

int owners_take(struct run *run, struct err *err)
{
    struct owner_process here, *all = NULL;
    int rc;

    process_here(&here);
    if (run->ranks.rank == 0)
        all = calloc((size_t)run->ranks.size, sizeof(*all));
    /* Rank 0 waits for all, so each sends whatever has failed here. */
    rc =
        agree_gather(&run->ranks, MSG_OWNER, &here, sizeof(here), take_process, all, err);
    if (nodes_spread(run)) {
        rc = share_owners(run, all, agree_step(&run->ranks, rc, err), err);
    } else if (rc == 0 && run->ranks.rank == 0)
        rc = write_owner(run, all, err);
    free(all);
    return rc;
}
