/* io/mpi/comm.h and io/mpi/fabric.h over MPI by TCP, when the connection to a rank is
 * reset: whoever sends to it at that moment, however much, goes on. Of MPIs other than Open
 * MPI nothing is known of their connections, and none is reset. A rank that hangs is ended
 * by the alarm. */
#include <mpi.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/mpi/comm_mpi.h"
#include "io/mpi/fabric.h"

enum {
    RANKS = 64,
    LOST = 1,
    PATIENCE = 200,
    LOOKS = 1000,
    TRANSFERS = 4,
    DESCRIPTORS = 256
};
enum { PORT_MIN = 20000, PORT_RANGE = 2000 };

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "test_reset: %s\n", what);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static bool is_port(in_port_t port)
{
    return ntohs(port) >= PORT_MIN && ntohs(port) < PORT_MIN + PORT_RANGE;
}

static bool is_of_mpi(int fd)
{
    struct sockaddr_in own = { 0 }, peer = { 0 };
    socklen_t own_len = sizeof(own), peer_len = sizeof(peer);

    return getsockname(fd, (struct sockaddr *)&own, &own_len) == 0 &&
           getpeername(fd, (struct sockaddr *)&peer, &peer_len) == 0 &&
           peer.sin_family == AF_INET &&
           (is_port(own.sin_port) || is_port(peer.sin_port));
}

static int connections(void)
{
    int all = 0;

    for (int fd = 0; fd < DESCRIPTORS; fd++)
        all += is_of_mpi(fd);
    return all;
}

/* As the kernel does for a process that is killed while something arrives. */
static void leave(int number)
{
    const struct linger at_once = { 1, 0 };

    (void)number;
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (is_of_mpi(fd))
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    _exit(0);
}

static void send_much(struct comm *comm, struct fabric *fabric)
{
    static char bytes[100];

    for (unsigned i = 0; i < TRANSFERS; i++) {
        comm_send(comm, LOST, bytes, sizeof(bytes), NULL);
        fabric_send(fabric, LOST, i, bytes, sizeof(bytes), fabric, NULL);
    }
}

static void look(struct comm *comm)
{
    struct strbuf bytes = { 0 };
    int from;

    for (int i = 0; i < LOOKS; i++)
        comm_recv(comm, &bytes, &from, NULL);
    strbuf_release(&bytes);
}

/* MPI sees it as it sends, not before. */
static void lose_rank(struct comm *comm, pid_t pid)
{
    struct fabric *fabric;
    int before;

    require(fabric_open(&fabric, comm, TRANSFERS, NULL) == 0, "fabric_open");
    look(comm);
    before = connections();
    kill(pid, SIGUSR1);
    while (connections() == before)
        clock_sleep(0.001);
    send_much(comm, fabric);
    look(comm);
    puts("ok");
    fflush(stdout);
}

static void lose_one(struct comm *comm)
{
    int pid = (int)getpid(), pids[RANKS];

    require(connections() > 0, "no connections to lose");
    MPI_Allgather(&pid, 1, MPI_INT, pids, 1, MPI_INT, MPI_COMM_WORLD);
    while (comm_rank(comm) > 0)
        pause();
    lose_rank(comm, pids[LOST]);
    for (int rank = LOST + 1; rank < comm_size(comm); rank++)
        kill(pids[rank], SIGUSR1);
    _exit(0);
}

int main(int argc, char **argv)
{
    struct comm *comm;
    bool resets = false;
    int provided;

    alarm(PATIENCE);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR1, leave);
    setenv("OMPI_MCA_mpi_ft_enable", "1", 1); /* else Open MPI 5 ends the job itself */
    setenv("OMPI_MCA_btl", "self,tcp", 1);
    setenv("OMPI_MCA_btl_tcp_if_include", "lo", 1);
    setenv("OMPI_MCA_btl_tcp_port_min_v4", "20000", 1);
    setenv("OMPI_MCA_btl_tcp_port_range_v4", "2000", 1);
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    require(comm_open(&comm, MPI_COMM_WORLD, NULL) == 0, "comm_open");
    require(comm_size(comm) <= RANKS, "made for fewer ranks");
#ifdef OPEN_MPI
    resets = true;
#endif
    if (resets && comm_size(comm) > LOST)
        lose_one(comm);
    require(comm_close(comm, PATIENCE), "a message did not leave");
    MPI_Finalize();
    return 0;
}
