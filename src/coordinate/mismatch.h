/* coordinate/mismatch.h -- files whose digest is not the one that the
 * source announced. */
#ifndef COORDINATE_MISMATCH_H
#define COORDINATE_MISMATCH_H

#include "ranks/run.h"

/* ERR_DIGEST: a second fetch did not match either; sha256 is what it
 * brought. Returns -1. */
int mismatch(const struct run *run, uint32_t file, const uint8_t sha256[32],
             struct err *err);

/* An empty file: its SHA-256, and whether another digest was announced. If so ERR_DIGEST,
 * unless the run only hashes existing files. */
int mismatch_empty(const struct run *run, uint32_t file, uint8_t sha256[32], bool *wrong,
                   struct err *err);

#endif
