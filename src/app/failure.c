#include "app/failure.h"

#include <stdio.h>

bool failure_text(const struct mpifetch_report *report, int rank, char *text, size_t size)
{
    /* If rank 0 is lost, one rank of each node prints it. */
    if (rank != 0 && !(report->lost && rank == report->rank))
        return false;
    if (report->rank > 0)
        snprintf(text, size, "rank %d: %s", report->rank, report->error);
    else
        snprintf(text, size, "%s", report->error);
    return true;
}
