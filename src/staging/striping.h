/* staging/striping.h -- rank 0, on Lustre: large files of the staging are made with stripes
 * before anybody writes to them; nobody can give them any later. Elsewhere nothing is
 * done. A failure is said once, and the files are made as usual.
 *
 * Life cycle   striping_begin once the staging is open, then the others. */
#ifndef STAGING_STRIPING_H
#define STAGING_STRIPING_H

#include "ranks/run.h"

struct striping {
    const struct run *run;
    bool active;
    unsigned osts; /* 0: not known */
    uint64_t made; /* files */
};

void striping_begin(struct striping *striping, const struct run *run);

/* How many stripes a file is to get; 0: it is made as usual. */
unsigned striping_count(const struct striping *striping, uint32_t file);

/* Make the file, which is not there yet, if it is to get any. */
void striping_make(struct striping *striping, uint32_t file);

/* All files were made. */
void striping_end(const struct striping *striping);

#endif
