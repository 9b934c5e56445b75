/* doctor/doctor.h -- the command doctor: what works on a directory's file system, and
 * what does not.
 *
 * A command of the program, and no call of the library: it starts its own program again
 * for what may hang, and the program that calls a library is somebody else's. */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include <mpi.h>

#include "app/options.h"

/* Collective. The table goes to stdout of rank 0, and to options->get.report as JSON. Of
 * the options dest, scratch, quick and what is said count. Returns enum mpifetch_status,
 * the same on every rank: MPIFETCH_OK if all probes were run, whatever they found;
 * MPIFETCH_DEST if dest is no directory, or nothing can be made in it. */
int doctor(MPI_Comm comm, const struct options *options, struct mpifetch_report *report);

#endif
