/* nothing.c -- an MPI program that only starts and ends. */
#include <mpi.h>

int main(int argc, char **argv)
{
    return MPI_Init(&argc, &argv) || MPI_Barrier(MPI_COMM_WORLD) || MPI_Finalize();
}
