#include "io/mpi/fabric.h"

#include <limits.h>
#include <mpi.h>
#include <stdlib.h>

#include "io/clock.h"
#include "io/guard.h"
#include "io/mpi/comm_mpi.h"
#include "io/mpi/mpi_failed.h"

/* What MPI promises as the greatest tag. */
_Static_assert(COMM_TAG_FABRIC + FABRIC_NUMBERS <= 32767, "numbers become tags");

struct transfer {
    void *owner;
    bool receives;
    int len;
};

struct fabric {
    struct comm *comm;
    MPI_Comm mpi;
    unsigned most, running;
    unsigned used; /* slots from the first to the last that is not free */
    struct transfer *transfer;
    /* Of each slot; MPI_REQUEST_NULL once it has ended, and where the slot is free. */
    MPI_Request *request;
    /* Those that have ended and are not yet told of. */
    int ended, told;
    int *index;
    MPI_Status *status;
};

static void fabric_release(struct fabric *fabric)
{
    free(fabric->transfer);
    free(fabric->request);
    free(fabric->index);
    free(fabric->status);
    free(fabric);
}

int fabric_open(struct fabric **out, struct comm *comm, unsigned most, struct err *err)
{
    struct fabric *fabric = calloc(1, sizeof(*fabric));

    *out = NULL;
    if (!fabric)
        return err_memory(err, "transfers between nodes");
    fabric->comm = comm;
    fabric->mpi = comm_mpi(comm);
    fabric->most = most;
    fabric->transfer = calloc(most, sizeof(*fabric->transfer));
    fabric->request = malloc(most * sizeof(MPI_Request));
    fabric->index = calloc(most, sizeof(*fabric->index));
    fabric->status = calloc(most, sizeof(*fabric->status));
    if (!fabric->transfer || !fabric->request || !fabric->index || !fabric->status) {
        fabric_release(fabric);
        return err_memory(err, "transfers between nodes");
    }
    for (unsigned i = 0; i < most; i++)
        fabric->request[i] = MPI_REQUEST_NULL;
    *out = fabric;
    return 0;
}

unsigned fabric_running(const struct fabric *fabric)
{
    return fabric->running;
}

static int no_slot(const struct fabric *fabric, size_t len, struct err *err)
{
    return err_set(err, ERR_DEFECT,
                   "cannot begin a transfer of %zu bytes: %u of %u are under way", len,
                   fabric->running, fabric->most);
}

/* -1: there is none, or the bytes are too many for MPI. */
static int take_slot(const struct fabric *fabric, size_t len)
{
    if (len > INT_MAX)
        return -1;
    for (unsigned i = 0; i < fabric->most; i++)
        if (!fabric->transfer[i].owner)
            return (int)i;
    return -1;
}

static void begin_transfer(struct fabric *fabric, int slot, struct transfer transfer)
{
    fabric->transfer[slot] = transfer;
    fabric->running++;
    if (fabric->used <= (unsigned)slot)
        fabric->used = (unsigned)slot + 1;
}

static int tag_of(unsigned number)
{
    return COMM_TAG_FABRIC + (int)(number % FABRIC_NUMBERS);
}

int fabric_receive(struct fabric *fabric, int from, unsigned number, void *bytes,
                   size_t len, void *owner, struct err *err)
{
    int slot = take_slot(fabric, len), rc;

    if (slot < 0)
        return no_slot(fabric, len, err);
    comm_attend(fabric->comm, from);
    rc = MPI_Irecv(bytes, (int)len, MPI_BYTE, from, tag_of(number), fabric->mpi,
                   &fabric->request[slot]);
    if (rc != MPI_SUCCESS) {
        fabric->request[slot] = MPI_REQUEST_NULL;
        return mpi_failed(rc, "beginning to receive from another node", err);
    }
    begin_transfer(fabric, slot, (struct transfer){ owner, true, (int)len });
    return 0;
}

int fabric_send(struct fabric *fabric, int to, unsigned number, const void *bytes,
                size_t len, void *owner, struct err *err)
{
    int slot = take_slot(fabric, len), rc;

    if (slot < 0)
        return no_slot(fabric, len, err);
    comm_attend(fabric->comm, to);
    rc = MPI_Isend(bytes, (int)len, MPI_BYTE, to, tag_of(number), fabric->mpi,
                   &fabric->request[slot]);
    if (rc != MPI_SUCCESS) {
        fabric->request[slot] = MPI_REQUEST_NULL;
        return mpi_failed(rc, "beginning to send to another node", err);
    }
    begin_transfer(fabric, slot, (struct transfer){ owner, false, (int)len });
    return 0;
}

/* All that have ended since. */
static int look(struct fabric *fabric, struct err *err)
{
    int rc;

    fabric->ended = fabric->told = 0;
    rc = MPI_Testsome((int)fabric->used, fabric->request, &fabric->ended, fabric->index,
                      fabric->status);
    if (rc == MPI_ERR_IN_STATUS)
        return 0;
    for (int i = 0; i < fabric->ended; i++)
        fabric->status[i].MPI_ERROR = MPI_SUCCESS; /* MPI does not set it */
    if (fabric->ended == MPI_UNDEFINED)
        fabric->ended = 0;
    return rc == MPI_SUCCESS ? 0 : mpi_failed(rc, "looking at transfers", err);
}

static int judge(const struct transfer *transfer, const MPI_Status *status,
                 struct err *err)
{
    int came = transfer->len;

    if (status->MPI_ERROR != MPI_SUCCESS)
        return mpi_failed(status->MPI_ERROR, "moving data between nodes", err);
    if (transfer->receives)
        MPI_Get_count(status, MPI_BYTE, &came);
    if (came == transfer->len)
        return 1;
    return err_set(err, ERR_DEFECT, "received %d bytes instead of %d from another node",
                   came, transfer->len);
}

int fabric_next(struct fabric *fabric, void **owner, struct err *err)
{
    struct transfer *transfer;
    int rc;

    *owner = NULL;
    if (fabric->running == 0)
        return 0;
    if (fabric->told == fabric->ended && look(fabric, err) < 0)
        return -1;
    if (fabric->told == fabric->ended)
        return 0;
    transfer = &fabric->transfer[fabric->index[fabric->told]];
    rc = judge(transfer, &fabric->status[fabric->told], err);
    *owner = transfer->owner;
    *transfer = (struct transfer){ 0 };
    fabric->told++;
    fabric->running--;
    while (fabric->used > 0 && !fabric->transfer[fabric->used - 1].owner)
        fabric->used--;
    return rc;
}

/* What has begun to arrive is not taken back by that. */
static void take_back_receives(struct fabric *fabric)
{
    for (unsigned i = 0; i < fabric->used; i++)
        if (fabric->transfer[i].receives && fabric->request[i] != MPI_REQUEST_NULL)
            MPI_Cancel(&fabric->request[i]);
}

bool fabric_close(struct fabric *fabric, double patience)
{
    double until = clock_now() + patience;
    int all = 0;

    if (!fabric)
        return true;
    take_back_receives(fabric);
    while (!all) {
        guard_turn();
        /* An error is the end of a transfer as well. */
        MPI_Testall((int)fabric->used, fabric->request, &all, MPI_STATUSES_IGNORE);
        if (!all && clock_now() > until)
            break;
        clock_sleep(all ? 0 : 0.0002);
    }
    fabric_release(fabric);
    return all;
}
