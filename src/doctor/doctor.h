/* doctor/doctor.h -- the command doctor: what a directory's file system can be trusted with.
 *
 * A command only, and no call of the library: it starts its own program again for what
 * may hang, and the program that calls a library is somebody else's. */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include <mpi.h>

#include "mpifetch.h"

/* Collective. The table goes to stdout of rank 0, and to options->report as JSON. Of the
 * options dest, scratch, quick and what is said count. Returns enum mpifetch_status, the
 * same on every rank: MPIFETCH_OK if the examination could be made, whatever it found;
 * MPIFETCH_DEST if dest is no directory, or nothing can be made in it. */
int doctor(MPI_Comm comm, const struct mpifetch_options *options,
           struct mpifetch_report *report);

#endif
