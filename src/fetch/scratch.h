/* fetch/scratch.h -- a directory of the rank's own on a disk of its node, where segments
 * arrive and wait to be hashed.
 *
 * Life cycle   scratch_open; scratch_close, which removes it, and takes a zeroed struct as
 *              well. */
#ifndef FETCH_SCRATCH_H
#define FETCH_SCRATCH_H

#include "ranks/run.h"

struct scratch {
    struct fs_dir dir; /* not open: straight into staging */
    uint64_t budget;   /* bytes of landed segments that may stay */
};

/* Choose it as decision D4 in docs/design.md. If there is no room for what is in flight:
 * ERR_DEST with the figures if the directory was given by the user, else the run does
 * without. With little room, fewer connections may be had later (run->slots_most). */
int scratch_open(struct scratch *scratch, struct run *run, struct err *err);
void scratch_close(struct scratch *scratch);

#endif
