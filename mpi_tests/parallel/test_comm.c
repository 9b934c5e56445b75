/* io/mpi/comm.h over real MPI: a sender that stops in the middle of a long message keeps
 * nobody from hearing the others, what one rank sends stays in order, and a message that
 * fails on its way takes no other with it. */
#include <mpi.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "io/mpi/comm_mpi.h"

enum { LONG = 20000000, SHORT = 100, PATIENCE = 400 };

static enum { WORKS, TAKES_TIME, FAILS } tests = WORKS;
static unsigned tested;

int MPI_Test(MPI_Request *request, int *done, MPI_Status *status)
{
    if (tests == WORKS)
        return PMPI_Test(request, done, status);
    tested++;
    *done = 0;
    if (tests == TAKES_TIME)
        return MPI_SUCCESS;
    PMPI_Wait(request, status);
    return MPI_ERR_OTHER;
}

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "test_comm: %s\n", what);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static void send(struct comm *comm, size_t len, int fill)
{
    char *bytes = malloc(len);

    require(bytes != NULL, "out of memory");
    memset(bytes, fill, len);
    require(comm_send(comm, 0, bytes, len, NULL) == 0, "sending failed");
    free(bytes);
}

static size_t receive(struct comm *comm, struct strbuf *bytes, int *from)
{
    int rc;

    while ((rc = comm_recv(comm, bytes, from, NULL)) == 0)
        ;
    require(rc == 1, "receiving failed");
    for (size_t i = 0; i < bytes->len; i += 997)
        require(bytes->data[i] == (char)*from, "bytes of another rank");
    return bytes->len;
}

static void wait_until_stopped(pid_t pid)
{
    char path[64], state = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    while (state != 'T') {
        FILE *file = fopen(path, "r");

        require(file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1, "no such process");
        fclose(file);
    }
}

/* Rank 1 stops as soon as it has sent, and goes on only when all others were heard. */
static void hear_all(struct comm *comm, pid_t stopped)
{
    struct strbuf bytes = { 0 };
    int from;

    wait_until_stopped(stopped);
    for (int missing = comm_size(comm) - 2; missing > 0; missing--) {
        require(receive(comm, &bytes, &from) == SHORT, "a long message of a short rank");
        require(from > 1, "a message came before one that was sent earlier");
    }
    kill(stopped, SIGCONT);
    require(receive(comm, &bytes, &from) == LONG && from == 1, "not the first of rank 1");
    require(receive(comm, &bytes, &from) == SHORT && from == 1, "not its second");
    strbuf_release(&bytes);
}

/* The first of two messages of rank 1 is matched, and fails before it is there. */
static void lose_one(struct comm *comm)
{
    struct strbuf bytes = { 0 };
    int from;

    tests = TAKES_TIME;
    for (tested = 0; tested == 0;)
        require(comm_recv(comm, &bytes, &from, NULL) == 0, "it came at once");
    tests = FAILS;
    require(from == 1, "nobody has begun to send");
    require(comm_recv(comm, &bytes, &from, NULL) == -1, "it did not fail");
    tests = WORKS;
    require(receive(comm, &bytes, &from) == SHORT && from == 1, "not the one behind it");
    strbuf_release(&bytes);
}

int main(int argc, char **argv)
{
    struct comm *comm;
    struct err err = { 0 };
    int pid = (int)getpid(), pids[64], provided, rank, size;

    alarm(PATIENCE);
    /* Else a receiver of the same node reads the memory of a stopped sender by itself. */
    setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 1); /* Open MPI 4 */
    setenv("OMPI_MCA_smsc", "^cma,xpmem,knem", 1);                 /* Open MPI 5 */
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    require(comm_open(&comm, MPI_COMM_WORLD, &err) == 0, "comm_open");
    rank = comm_rank(comm);
    size = comm_size(comm);
    require(size <= 64, "made for up to 64 ranks");
    MPI_Allgather(&pid, 1, MPI_INT, pids, 1, MPI_INT, MPI_COMM_WORLD);
    if (rank == 1) {
        send(comm, LONG, 1);
        send(comm, SHORT, 1);
        raise(SIGSTOP);
    } else if (rank > 1) {
        send(comm, SHORT, rank);
    } else if (size > 1) {
        hear_all(comm, pids[1]);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 1) {
        send(comm, LONG, 1);
        send(comm, SHORT, 1);
    } else if (rank == 0 && size > 1) {
        lose_one(comm);
    }
    require(comm_close(comm, PATIENCE), "a message did not leave");
    MPI_Finalize();
    return 0;
}
