/* coordinate/mismatch.h -- files that are not what the source announced. */
#ifndef COORDINATE_MISMATCH_H
#define COORDINATE_MISMATCH_H

#include "ranks/run.h"

/* ERR_DIGEST: also a second fetch brought something else, whose SHA-256 this is. Returns
 * -1. */
int mismatch(const struct run *run, uint32_t file, const uint8_t sha256[32],
             struct err *err);

/* A file that is empty: its SHA-256, and whether another digest was announced.
 * ERR_DIGEST then, unless files are only hashed where they lie. */
int mismatch_empty(const struct run *run, uint32_t file, uint8_t sha256[32], bool *wrong,
                   struct err *err);

#endif
