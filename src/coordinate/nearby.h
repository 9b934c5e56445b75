/* coordinate/nearby.h -- rank 0: files of the plan that lie in another directory
 * (run->nearby), and are read there as long as they are what is planned. */
#ifndef COORDINATE_NEARBY_H
#define COORDINATE_NEARBY_H

#include "ranks/run.h"

bool nearby_has(const struct run *run, uint32_t file);

/* It could not be read there, or is other content: from now on the source is asked. false:
 * it was so already. */
bool nearby_drop(struct run *run, uint32_t file);

/* Whether that is not the digest of what lies there. The source may have announced none to
 * compare with. */
bool nearby_differs(const struct run *run, uint32_t file, const uint8_t sha256[32]);

#endif
