/* io/mpi/comm_launch.c -- what the MPI launcher says of this process in
 * the environment. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "io/mpi/comm_mpi.h"

struct launcher {
    const char *size, *index, *local; /* environment variables */
};

/* Open MPI's mpirun; MPICH's and Intel's; Flux; Slurm. The innermost comes first and
 * alone decides: under mpirun inside an allocation Slurm's variables tell of mpirun's own
 * daemons. */
static const struct launcher *find_launcher(void)
{
    static const struct launcher launchers[] = {
        { "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK" },
        { "PMI_SIZE", "PMI_RANK", "MPI_LOCALRANKID" },
        { "FLUX_JOB_SIZE", "FLUX_TASK_RANK", "FLUX_TASK_LOCAL_ID" },
        { "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_LOCALID" },
    };

    for (size_t i = 0; i < sizeof(launchers) / sizeof(launchers[0]); i++)
        if (getenv(launchers[i].size))
            return &launchers[i];
    return NULL;
}

static int number_in(const char *variable)
{
    const char *text = getenv(variable);
    long value = text ? strtol(text, NULL, 10) : 0;

    return value > 0 && value < INT_MAX ? (int)value : 0;
}

int comm_launch_index(void)
{
    const struct launcher *launcher = find_launcher();

    return launcher ? number_in(launcher->index) : 0;
}

int comm_launch_local(void)
{
    const struct launcher *launcher = find_launcher();

    return launcher ? number_in(launcher->local) : 0;
}

bool comm_is_launched(void)
{
    const struct launcher *launcher = find_launcher();

    return launcher && strcmp(launcher->size, "OMPI_COMM_WORLD_SIZE") == 0 &&
           number_in(launcher->size) > 1;
}

bool comm_is_singleton(int *index, int *of)
{
    const struct launcher *launcher = find_launcher();
    int size = 1;

    MPI_Comm_size(MPI_COMM_WORLD, &size);
    *of = launcher ? number_in(launcher->size) : 1;
    *index = comm_launch_index();
    return size == 1 && *of > 1;
}
