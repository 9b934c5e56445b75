/* staging/existing.h -- what of the plan lies at the destination already. Rank 0. */
#ifndef STAGING_EXISTING_H
#define STAGING_EXISTING_H

#include <stdbool.h>
#include <stdint.h>

/* What is known of a file beside the plan. */
struct existing_file {
    bool there;         /* nothing of it is to be fetched */
    bool wrong;         /* was hashed where it lies, and is not what it should be */
    int64_t mtime_ns;   /* there, layout dir: of the old file, which keeps it */
    uint64_t inode;     /* the same */
    uint8_t sha256[32]; /* there: from the old manifest; else filled as files are
                         * verified */
};

struct existing {
    struct existing_file *file; /* of each file of the plan */
    bool unchanged;             /* the destination is what the plan says: nothing to do */
    uint64_t bytes, files;      /* there */
    uint64_t dropped;           /* files of the old tree, which the plan does not have */
};

#endif
