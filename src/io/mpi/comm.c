#include "io/mpi/comm.h"

#include <limits.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/guard.h"
#include "io/mpi/comm_mpi.h"
#include "io/mpi/mpi_failed.h"

enum { COMM_HOST = 64 };

static const double COMM_FAREWELL = 1; /* seconds for the last messages to leave */

/* Open MPI looks at its sockets in one of so many calls that make progress
 * (opal_progress). */
enum { COMM_ATTENTION = 8 };

/* Bytes. To a longer message MPI may send an answer of its own before it comes. */
enum { COMM_EAGER = 1024 };

/* A message on its way out, or one to this rank itself. */
struct parcel {
    struct parcel *next;
    MPI_Request request;
    size_t len;
    char bytes[];
};

struct queue {
    struct parcel *first, **last;
};

/* A message whose bytes are still coming in: its sender may be slow, or gone. */
struct arrival {
    struct arrival *next;
    MPI_Request request;
    int from;
    struct strbuf bytes;
};

struct comm {
    MPI_Comm mpi;
    int rank, size, nodes;
    int *node;         /* of each rank */
    int *node_size;    /* of each node */
    int *lowest;       /* of each node: its lowest rank */
    char *hosts;       /* COMM_HOST bytes for each rank */
    unsigned calls;    /* that made progress, and count from COMM_ATTENTION on */
    unsigned *sent_at; /* for each rank: what calls was at the last message to it */
    struct queue sent, self;
    struct arrival *arrivals; /* in the order in which they were matched */
};

static void queue_add(struct queue *queue, struct parcel *parcel)
{
    parcel->next = NULL;
    *queue->last = parcel;
    queue->last = &parcel->next;
}

static struct parcel *queue_take(struct queue *queue)
{
    struct parcel *parcel = queue->first;

    if (parcel && !(queue->first = parcel->next))
        queue->last = &queue->first;
    return parcel;
}

/* Number the nodes by their lowest rank. MPI_COMM_TYPE_SHARED is what MPI itself believes
 * to share memory, so it is right inside containers and name spaces, where host names may
 * not be. */
static int find_nodes(struct comm *comm, struct err *err)
{
    MPI_Comm local = MPI_COMM_NULL;
    int lowest = comm->rank;
    int rc = MPI_Comm_split_type(comm->mpi, MPI_COMM_TYPE_SHARED, comm->rank,
                                 MPI_INFO_NULL, &local);

    if (rc == MPI_SUCCESS)
        rc = MPI_Bcast(&lowest, 1, MPI_INT, 0, local);
    if (rc == MPI_SUCCESS)
        rc = MPI_Allgather(&lowest, 1, MPI_INT, comm->node, 1, MPI_INT, comm->mpi);
    if (local != MPI_COMM_NULL)
        MPI_Comm_free(&local);
    if (rc != MPI_SUCCESS)
        return mpi_failed(rc, "finding the ranks of each node", err);
    for (int i = 0; i < comm->size; i++) {
        int leader = comm->node[i];

        /* A leader has a lower rank than its followers, so its node is already set. */
        comm->node[i] = leader == i ? comm->nodes++ : comm->node[leader];
        comm->lowest[comm->node[i]] = leader;
        comm->node_size[comm->node[i]]++;
    }
    return 0;
}

static int find_hosts(struct comm *comm, struct err *err)
{
    char name[COMM_HOST] = "";
    int rc;

    gethostname(name, sizeof(name) - 1);
    rc = MPI_Allgather(name, COMM_HOST, MPI_CHAR, comm->hosts, COMM_HOST, MPI_CHAR,
                       comm->mpi);
    return rc == MPI_SUCCESS ? 0 : mpi_failed(rc, "exchanging host names", err);
}

/* Everything in which this rank alone may fail, before the first collective. */
static struct comm *comm_create(MPI_Comm mpi)
{
    struct comm *comm = calloc(1, sizeof(*comm));

    if (!comm)
        return NULL;
    comm->mpi = MPI_COMM_NULL;
    comm->sent.last = &comm->sent.first;
    comm->self.last = &comm->self.first;
    MPI_Comm_rank(mpi, &comm->rank);
    MPI_Comm_size(mpi, &comm->size);
    comm->node = calloc((size_t)comm->size, sizeof(*comm->node));
    comm->node_size = calloc((size_t)comm->size, sizeof(*comm->node_size));
    comm->lowest = calloc((size_t)comm->size, sizeof(*comm->lowest));
    comm->hosts = calloc((size_t)comm->size, COMM_HOST);
    comm->calls = COMM_ATTENTION;
    comm->sent_at = calloc((size_t)comm->size, sizeof(*comm->sent_at));
    if (comm->node && comm->node_size && comm->lowest && comm->hosts && comm->sent_at)
        return comm;
    comm_close(comm, 0);
    return NULL;
}

int comm_open(struct comm **out, MPI_Comm mpi, struct err *err)
{
    struct comm *comm = comm_create(mpi);
    int rc = -1, good = comm != NULL, all = 0, mpi_rc;

    *out = NULL;
    mpi_rc = MPI_Allreduce(&good, &all, 1, MPI_INT, MPI_MIN, mpi);
    if (mpi_rc == MPI_SUCCESS && !all) {
        err_memory(err, "the list of ranks");
        goto out;
    }
    if (mpi_rc == MPI_SUCCESS)
        mpi_rc = MPI_Comm_dup(mpi, &comm->mpi);
    if (mpi_rc != MPI_SUCCESS) {
        mpi_failed(mpi_rc, "duplicating the communicator", err);
        goto out;
    }
    MPI_Comm_set_errhandler(comm->mpi, MPI_ERRORS_RETURN);
    if (find_nodes(comm, err) < 0 || find_hosts(comm, err) < 0)
        goto out;
    *out = comm;
    comm = NULL;
    rc = 0;
out:
    comm_close(comm, 0);
    return rc;
}

MPI_Comm comm_mpi(const struct comm *comm)
{
    return comm->mpi;
}

static void release(struct comm *comm)
{
    struct parcel *parcel;

    while ((parcel = queue_take(&comm->self)))
        free(parcel);
    free(comm->node);
    free(comm->node_size);
    free(comm->lowest);
    free(comm->hosts);
    free(comm->sent_at);
    free(comm);
}

/* A message that never leaves does not delay the others: each test makes
 * progress on all. */
static bool let_leave(struct comm *comm, double patience)
{
    double until = clock_now() + patience;

    for (struct parcel *parcel = comm->sent.first; parcel; parcel = parcel->next)
        for (int done = 0; !done;) {
            guard_turn();
            MPI_Test(&parcel->request, &done, MPI_STATUS_IGNORE);
            if (!done && clock_now() > until)
                return false;
            clock_sleep(done ? 0 : 0.0002);
        }
    return true;
}

/* MPI may still read the bytes of what has not left, and write to what has not
 * arrived. */
void comm_abandon(struct comm *comm)
{
    let_leave(comm, COMM_FAREWELL);
    release(comm);
}

bool comm_close(struct comm *comm, double patience)
{
    struct parcel *parcel;
    bool all;

    if (!comm)
        return true;
    all = let_leave(comm, patience);
    while (all && (parcel = queue_take(&comm->sent)))
        free(parcel);
    if (all && comm->mpi != MPI_COMM_NULL)
        MPI_Comm_free(&comm->mpi);
    release(comm);
    return all;
}

int comm_rank(const struct comm *comm)
{
    return comm->rank;
}

int comm_size(const struct comm *comm)
{
    return comm->size;
}

int comm_nodes(const struct comm *comm)
{
    return comm->nodes;
}

int comm_node(const struct comm *comm, int rank)
{
    return comm->node[rank];
}

int comm_node_size(const struct comm *comm, int node)
{
    return comm->node_size[node];
}

int comm_node_lowest(const struct comm *comm, int node)
{
    return comm->lowest[node];
}

bool comm_node_first(const struct comm *comm)
{
    return comm->lowest[comm->node[comm->rank]] == comm->rank;
}

const char *comm_host(const struct comm *comm, int rank)
{
    return comm->hosts + (size_t)rank * COMM_HOST;
}

/* Free the messages that have left. They leave nearly in order, so checking the
 * oldest is enough. */
static void reap_sent(struct comm *comm)
{
    int done = 1;

    while (comm->sent.first && done) {
        MPI_Test(&comm->sent.first->request, &done, MPI_STATUS_IGNORE);
        if (done)
            free(queue_take(&comm->sent));
    }
}

void comm_attend(struct comm *comm, int to)
{
    int there;

    for (; comm->calls - comm->sent_at[to] < COMM_ATTENTION; comm->calls++)
        MPI_Iprobe(to, COMM_TAG_NEVER, comm->mpi, &there, MPI_STATUS_IGNORE);
    comm->sent_at[to] = comm->calls;
}

int comm_send(struct comm *comm, int to, const void *bytes, size_t len, struct err *err)
{
    struct parcel *parcel;
    int rc;

    if (len > INT_MAX)
        return err_set(err, ERR_DEFECT, "a message of %zu bytes is too long for MPI",
                       len);
    parcel = malloc(sizeof(*parcel) + len);
    if (!parcel)
        return err_memory(err, "a message");
    parcel->len = len;
    memcpy(parcel->bytes, bytes, len);
    if (to == comm->rank) {
        queue_add(&comm->self, parcel);
        return 0;
    }
    comm_attend(comm, to);
    rc = MPI_Isend(parcel->bytes, (int)len, MPI_BYTE, to, COMM_TAG, comm->mpi,
                   &parcel->request);
    if (rc != MPI_SUCCESS) {
        free(parcel);
        return mpi_failed(rc, "sending", err);
    }
    queue_add(&comm->sent, parcel);
    return 0;
}

static int recv_self(struct comm *comm, struct strbuf *buf, int *from, struct err *err)
{
    struct parcel *parcel = queue_take(&comm->self);
    bool good;

    if (!parcel)
        return 0;
    strbuf_add(buf, parcel->bytes, parcel->len);
    good = !buf->failed;
    *from = comm->rank;
    explicit_bzero(parcel->bytes, parcel->len);
    free(parcel);
    if (good)
        return 1;
    strbuf_release(buf); /* a buffer that has failed would take no later message */
    return err_memory(err, "a message");
}

/* Receive a matched message without room for it, so that its sender can continue. */
static int lose(MPI_Message *message, struct strbuf *buf, struct err *err)
{
    char nothing;

    MPI_Mrecv(&nothing, 0, MPI_BYTE, message, MPI_STATUS_IGNORE);
    strbuf_release(buf);
    return err_memory(err, "a message");
}

/* Messages of one rank stay in order: is one still arriving that was matched before? */
static bool is_behind(const struct comm *comm, int from, const struct arrival *this)
{
    for (const struct arrival *one = comm->arrivals; one != this; one = one->next)
        if (one->from == from)
            return true;
    return false;
}

static int recv_arrived(struct comm *comm, struct strbuf *buf, int *from, struct err *err)
{
    for (struct arrival **at = &comm->arrivals; *at; at = &(*at)->next) {
        struct arrival *arrival = *at;
        int done = 0, rc;

        if (is_behind(comm, arrival->from, arrival))
            continue;
        rc = MPI_Test(&arrival->request, &done, MPI_STATUS_IGNORE);
        if (rc == MPI_SUCCESS && !done)
            continue;
        strbuf_release(buf);
        *buf = arrival->bytes;
        *from = arrival->from;
        *at = arrival->next;
        free(arrival);
        return rc == MPI_SUCCESS ? 1 : mpi_failed(rc, "receiving", err);
    }
    return 0;
}

/* The bytes come into buf. Those of a short message are there; a long one is put by. */
static int end_recv(struct comm *comm, MPI_Request *request, struct strbuf *buf, int from,
                    struct err *err)
{
    struct arrival *arrival, **last = &comm->arrivals;
    int done = 0, rc = MPI_SUCCESS;

    if (!is_behind(comm, from, NULL))
        rc = MPI_Test(request, &done, MPI_STATUS_IGNORE);
    if (rc != MPI_SUCCESS)
        return mpi_failed(rc, "receiving", err);
    if (done)
        return 1;
    arrival = malloc(sizeof(*arrival));
    if (!arrival) {
        MPI_Wait(request, MPI_STATUS_IGNORE);
        return err_memory(err, "a message");
    }
    *arrival = (struct arrival){ NULL, *request, from, *buf };
    *buf = (struct strbuf){ 0 };
    while (*last)
        last = &(*last)->next;
    *last = arrival;
    return 0;
}

int comm_recv(struct comm *comm, struct strbuf *buf, int *from, struct err *err)
{
    MPI_Status status;
    MPI_Message message;
    MPI_Request request;
    int there = 0, len = 0, rc;

    *from = -1;
    strbuf_clear(buf);
    reap_sent(comm);
    rc = recv_self(comm, buf, from, err);
    if (rc == 0)
        rc = recv_arrived(comm, buf, from, err);
    if (rc != 0 || comm->size == 1)
        return rc;
    rc = MPI_Improbe(MPI_ANY_SOURCE, COMM_TAG, comm->mpi, &there, &message, &status);
    if (rc != MPI_SUCCESS)
        return mpi_failed(rc, "probing for messages", err);
    if (!there) {
        comm->calls++;
        return 0;
    }
    MPI_Get_count(&status, MPI_BYTE, &len);
    *from = status.MPI_SOURCE;
    strbuf_reserve(buf, (size_t)len);
    if (buf->failed)
        return lose(&message, buf, err);
    if (len > COMM_EAGER)
        comm->sent_at[*from] = comm->calls; /* MPI answers it */
    rc = MPI_Imrecv(buf->data, len, MPI_BYTE, &message, &request);
    if (rc != MPI_SUCCESS)
        return mpi_failed(rc, "receiving", err);
    buf->len = (size_t)len;
    return end_recv(comm, &request, buf, *from, err);
}
