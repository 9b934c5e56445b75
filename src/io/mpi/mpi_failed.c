#include "io/mpi/mpi_failed.h"

#include <mpi.h>

int mpi_failed(int code, const char *what, struct err *err)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int len = 0;

    MPI_Error_string(code, text, &len);
    return err_set(err, ERR_DEFECT, "MPI error while %s: %s", what, text);
}
