/* staging/existing.h -- which files of the plan the destination has already, and whether
 * one is still what was looked at. Rank 0. */
#ifndef STAGING_EXISTING_H
#define STAGING_EXISTING_H

#include <stdbool.h>
#include <stdint.h>

struct fs_info;

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

/* What a look at the file has shown. */
void existing_note(struct existing_file *file, const struct fs_info *info);

/* Whether two looks, of which the first has made `known`, were at the same file, untouched.
 * Links that runs make and remove change a ctime, so only that of somebody who is not
 * believed counts: his files are not linked, and he may have set the time back. */
bool existing_is_same(const struct existing_file *known, const struct existing_file *now);
/* The same of what a look has just shown, of a file with that size. */
bool existing_is_still(const struct existing_file *known, uint64_t size,
                       const struct fs_info *info);

/* Whether somebody has written into the file that was looked at. One that was put in its
 * place is another matter. */
bool existing_is_written(const struct existing_file *known, const struct fs_info *info);

#endif
