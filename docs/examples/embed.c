/* Fetch a source from inside an MPI program: mpirun -n 4 ./embed file:///tree
 * /shared/copy */
#include <stdio.h>
#include <stdlib.h>

#include <mpi.h>
#include <mpifetch.h>

int main(int argc, char **argv)
{
    struct mpifetch_options options;
    struct mpifetch_report report;
    int provided, rank, status;

    /* the library asks for no more than FUNNELED; its own threads never call MPI */
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (argc != 3 || provided < MPI_THREAD_FUNNELED) {
        if (rank == 0)
            fprintf(stderr, "usage: embed SOURCE DEST\n");
        MPI_Finalize();
        return EXIT_FAILURE;
    }

    mpifetch_options_init(&options);
    options.source = argv[1];
    options.dest = argv[2];
    /* every rank gets the same status and the same report: no broadcast is needed */
    status = mpifetch_get(MPI_COMM_WORLD, &options, &report);
    if (rank == 0 && status == MPIFETCH_OK)
        printf("%s: %llu files, %llu bytes\n", report.path,
               (unsigned long long)report.files, (unsigned long long)report.bytes);
    else if (rank == 0)
        fprintf(stderr, "embed: rank %d: %s\n", report.rank, report.error);

    MPI_Finalize();
    return status;
}
