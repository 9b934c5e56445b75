#include "ranks/owners.h"

#include <stdlib.h>
#include <string.h>

#include "io/process.h"

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

static int write_owner(struct run *run, const struct owner_process *all, struct err *err)
{
    struct strbuf text = { 0 };
    struct owner_job job;

    process_job(&job);
    owner_begin(&text);
    for (int i = 0; i < run->ranks.size; i++)
        owner_add_process(&text, &all[i]);
    owner_add_job(&text, &job);
    owner_end(&text);
    run->staging.owner = strbuf_steal(&text);
    return run->staging.owner ? 0 : err_memory(err, "the list of ranks");
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
    if (rc == 0 && run->ranks.rank == 0)
        rc = write_owner(run, all, err);
    free(all);
    return rc;
}
