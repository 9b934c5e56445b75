/* staging/existing.h -- which files of the plan the destination has already. Rank 0. */
#ifndef STAGING_EXISTING_H
#define STAGING_EXISTING_H

#include <stdbool.h>
#include <stdint.h>

struct existing_file {
    bool there;         /* it exists, unchanged: nothing of it is to be fetched */
    bool wrong;         /* it was hashed, and the digest is not the planned one */
    bool unsure;        /* it may be there: to be hashed first */
    bool odd;           /* not what is planned, and nothing that mpifetch has made */
    bool foreign;       /* it belongs to somebody who is not believed */
    int64_t mtime_ns;   /* there, layout dir: of the old file, which keeps it */
    int64_t ctime_ns;   /* the same; of a link in staging once it is made */
    uint64_t inode;     /* the same */
    uint8_t sha256[32]; /* there: from the old manifest; else set once it is verified */
};

struct existing {
    struct existing_file *file; /* of each file of the plan */
    bool unchanged;             /* the destination equals the plan: nothing to do */
    uint64_t bytes, files;      /* there */
    uint64_t unsure, odd;       /* files */
    bool complete;    /* as unchanged, but there is no record that says so yet */
    uint64_t dropped; /* files of the old tree, which the plan does not have */
};

#endif
