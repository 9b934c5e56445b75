/* phase/mismatch.h -- the sentence for a file that is not what the source announced. */
#ifndef PHASE_MISMATCH_H
#define PHASE_MISMATCH_H

#include "phase/run.h"

/* ERR_DIGEST: also a second fetch brought something else, whose SHA-256 this is. Returns
 * -1. */
int mismatch(const struct run *run, uint32_t file, const uint8_t sha256[32],
             struct err *err);

#endif
