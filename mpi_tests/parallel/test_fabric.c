/* io/mpi/fabric.h over real MPI: many transfers at a time between any two ranks come to the
 * places that were made for them, one that fails takes no other with it, what nobody sends
 * is taken back, and what nobody receives keeps nobody from ending. */
#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/mpi/comm_mpi.h"
#include "io/mpi/fabric.h"

enum { LONG = 1000000, SHORT = 100, EACH = 6, PATIENCE = 400, MOST = 128 };

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "test_fabric: %s\n", what);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static size_t length(unsigned number)
{
    return number % 2 ? LONG + number : SHORT;
}

static char content(int from, int to, unsigned number, size_t at)
{
    return (char)((size_t)from * 31 + (size_t)to * 7 + number * 3 + at / 1000);
}

struct parcel {
    int from, to;
    unsigned number;
    size_t len;
    char *bytes;
};

static struct parcel parcel_of(int from, int to, unsigned number)
{
    struct parcel parcel = { from, to, number, length(number), NULL };

    parcel.bytes = calloc(1, parcel.len);
    require(parcel.bytes != NULL, "out of memory");
    return parcel;
}

/* All of a thousand at once, since a sanitizer looks at each byte that is made. */
static void fill(struct parcel *parcel)
{
    for (size_t at = 0; at < parcel->len; at += 1000)
        memset(parcel->bytes + at, content(parcel->from, parcel->to, parcel->number, at),
               parcel->len - at < 1000 ? parcel->len - at : 1000);
}

static bool is_right(const struct parcel *parcel)
{
    struct parcel want = parcel_of(parcel->from, parcel->to, parcel->number);
    bool is;

    fill(&want);
    is = memcmp(want.bytes, parcel->bytes, want.len) == 0;
    free(want.bytes);
    return is;
}

/* From every rank to every other, in another order than they are waited for. */
static void exchange_all(struct fabric *fabric, int rank, int size)
{
    struct parcel in[64], out[64];
    unsigned n = 0, ended = 0;
    void *owner;
    int rc;

    for (int other = 0; other < size; other++)
        for (unsigned i = 0; i < EACH && other != rank; i++, n++) {
            in[n] = parcel_of(other, rank, FABRIC_NUMBERS - 3 + i);
            require(fabric_receive(fabric, other, in[n].number, in[n].bytes, in[n].len,
                                   &in[n], NULL) == 0,
                    "receiving did not begin");
        }
    MPI_Barrier(MPI_COMM_WORLD);
    for (unsigned i = n; i-- > 0;) {
        out[i] = parcel_of(rank, in[i].from, in[i].number);
        fill(&out[i]);
        require(fabric_send(fabric, out[i].to, out[i].number, out[i].bytes, out[i].len,
                            &out[i], NULL) == 0,
                "sending did not begin");
    }
    require(fabric_running(fabric) == 2 * n, "not all are under way");
    while ((rc = fabric_next(fabric, &owner, NULL)) >= 0 && ended < 2 * n) {
        struct parcel *parcel = owner;

        if (rc == 0)
            continue;
        require(parcel->from == rank || is_right(parcel), "bytes of another transfer");
        ended++;
    }
    require(rc == 0 && fabric_running(fabric) == 0, "some have failed, or are left");
    for (unsigned i = 0; i < n; i++) {
        free(in[i].bytes);
        free(out[i].bytes);
    }
}

/* Rank 1 sends less than rank 0 waits for, more than it waits for, and as much. */
static void lose_some(struct fabric *fabric, int rank)
{
    static const struct {
        size_t sent, wanted;
        bool good;
    } rows[] = { { SHORT, 2 * SHORT, false },
                 { 2 * SHORT, SHORT, false },
                 { SHORT, SHORT, true } };
    static char bytes[3][2 * SHORT];
    unsigned ended = 0;

    for (unsigned i = 0; i < 3 && rank == 0; i++)
        require(fabric_receive(fabric, 1, i, bytes[i], rows[i].wanted, bytes[i], NULL) ==
                    0,
                "receiving did not begin");
    MPI_Barrier(MPI_COMM_WORLD);
    for (unsigned i = 0; i < 3 && rank == 1; i++)
        require(fabric_send(fabric, 0, i, bytes[i], rows[i].sent, bytes[i], NULL) == 0,
                "sending did not begin");
    while (ended < 3 && rank < 2) {
        struct err err = { 0 };
        void *owner;
        int rc = fabric_next(fabric, &owner, &err);

        if (rc == 0)
            continue;
        require(owner != NULL, "it is not told which has ended");
        ended++;
        for (unsigned i = 0; i < 3 && rank == 0; i++)
            if (owner == bytes[i])
                require((rc == 1) == rows[i].good && (rc == 1) != (*err.text != '\0'),
                        "a wrong length is no failure, or a right one is");
    }
}

/* The slots are as many as were asked for, and each can be used again. */
static void fill_up(struct comm *comm, int rank)
{
    static char bytes[3];
    struct fabric *fabric;
    struct err err = { 0 };
    int other = (rank + 1) % comm_size(comm);

    require(fabric_open(&fabric, comm, 2, NULL) == 0, "fabric_open");
    for (unsigned i = 0; i < 2; i++)
        require(fabric_receive(fabric, other, 50 + i, &bytes[i], 1, &bytes[i], NULL) == 0,
                "receiving did not begin");
    require(fabric_receive(fabric, other, 52, &bytes[2], 1, &bytes[2], &err) < 0 &&
                err.code == ERR_DEFECT,
            "more than there is room for");
    /* Nobody sends: they are taken back, and what comes later is for others. */
    require(fabric_close(fabric, PATIENCE), "what nobody sends is waited for");
    MPI_Barrier(MPI_COMM_WORLD);
}

static void outlive(struct comm *comm, int rank)
{
    char *bytes = calloc(1, LONG);
    struct fabric *fabric;
    void *owner;

    require(bytes && fabric_open(&fabric, comm, 1, NULL) == 0, "fabric_open");
    if (rank == 1) {
        memset(bytes, 'x', LONG);
        require(fabric_send(fabric, 0, 7, bytes, LONG, bytes, NULL) == 0, "sending");
        require(!fabric_close(fabric, 0.05), "it has left, though nobody receives");
    }
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0) {
        require(fabric_receive(fabric, 1, 7, bytes, LONG, bytes, NULL) == 0, "receiving");
        while (fabric_next(fabric, &owner, NULL) == 0)
            ;
        require(owner == bytes && bytes[0] == 'x' && bytes[LONG - 1] == 'x',
                "the bytes of a fabric that was closed are lost");
    }
    MPI_Barrier(MPI_COMM_WORLD); /* rank 1 keeps its bytes until then */
    if (rank != 1)
        require(fabric_close(fabric, PATIENCE), "nothing is left");
    free(bytes);
}

int main(int argc, char **argv)
{
    struct comm *comm;
    struct fabric *fabric;
    int provided, rank, size;

    alarm(PATIENCE);
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    /* as the program does: MPICH asks no other communicator about an error of a request */
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
    require(comm_open(&comm, MPI_COMM_WORLD, NULL) == 0, "comm_open");
    rank = comm_rank(comm);
    size = comm_size(comm);
    require((size - 1) * EACH <= 64, "made for few ranks");
    require(fabric_open(&fabric, comm, MOST, NULL) == 0, "fabric_open");
    exchange_all(fabric, rank, size);
    exchange_all(fabric, rank, size);
    if (size > 1) {
        lose_some(fabric, rank);
        fill_up(comm, rank);
        outlive(comm, rank);
    }
    require(fabric_close(fabric, PATIENCE), "something is left");
    require(comm_close(comm, PATIENCE), "a message did not leave");
    MPI_Finalize();
    return 0;
}
