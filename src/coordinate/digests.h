/* coordinate/digests.h -- rank 0: the digest of each file of the plan as it becomes known. If
 * it is right, the file is done; if not, the file is fetched once more.
 *
 * Life cycle   digests_init; digests_hear for each file, until none is wrong;
 *              digests_release. */
#ifndef COORDINATE_DIGESTS_H
#define COORDINATE_DIGESTS_H

#include "coordinate/dispatch.h"
#include "coordinate/recovery.h"
#include "coordinate/spreading.h"
#include "staging/existing.h"

struct digests {
    struct dispatch
        *dispatch; /* borrowed, with all that it knows, as are the next three */
    struct recovery *recovery;
    struct spreading *spreading; /* with --per-node on several nodes, or NULL */
    struct existing_file *existing;
    uint8_t *refetched; /* of each file: its digest was wrong once */
    uint8_t *known;     /* of each file: it was right, be it hashed again */
    uint64_t done;      /* files that are known */
};

/* existing: gets the digests. */
int digests_init(struct digests *digests, struct dispatch *dispatch,
                 struct recovery *recovery, struct spreading *spreading,
                 struct existing_file *existing, struct err *err);
void digests_release(struct digests *digests); /* takes a zeroed struct as well */

/* bad: it is not the announced one. rank: the one that fetched all of the file, or -1.
 * ERR_DIGEST if the source sends wrong bytes for a second time. */
int digests_hear(struct digests *digests, uint32_t file, const uint8_t sha256[32],
                 bool bad, int rank, struct err *err);

#endif
