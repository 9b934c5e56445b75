/* doctor/probe_list.h -- the probes in their order: what is asked for is shared, our
 * directory is made, each probe runs on all ranks, and what was made is removed. */
#ifndef DOCTOR_PROBE_LIST_H
#define DOCTOR_PROBE_LIST_H

#include "doctor/probe.h"

/* Collective. dir and quick count on rank 0; scratch of each node's first rank, or NULL.
 * ERR_DEST if dir is missing, or cannot be written to: then what could be found out is in
 * the results all the same. */
int probe_list_run(struct probe *probe, const char *dir, const char *scratch, bool quick,
                   struct err *err);

#endif
