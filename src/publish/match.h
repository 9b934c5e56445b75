/* publish/match.h -- rank 0, layout dir: which planned files the directory DEST holds, as
 * far as that can be told without reading them.
 *
 *     there    as a record says whose owner is believed, or this user's own note
 *     unsure   of the right size, but nobody who is believed says what it is: to be hashed
 *     odd      something else, which the record does not have: not ours to replace
 *
 * None of these: missing, or in the record and no longer what is planned. */
#ifndef PUBLISH_MATCH_H
#define PUBLISH_MATCH_H

#include "io/fs/fs.h"
#include "staging/existing.h"
#include "staging/hash_note.h"
#include "staging/manifest.h"
#include "staging/trust.h"

struct match {
    struct run *run;
    const struct manifest *record; /* believed, or without files */
    const struct trust *trust;
    const struct hash_note *note;
    struct existing *existing; /* filled */
    uint64_t unrecorded;       /* files that are there without the record saying so */
    uint64_t strangers;        /* unsure files of somebody who is not believed */
    uint32_t stranger;         /* one of them */
    struct fs_info root;       /* DEST, as match_settle found it */
};

/* ERR_DEST for a file that this user cannot read, unless --force is given. */
int match_files(struct match *match, struct err *err);

/* After the unsure files have been hashed: they are there unless they are wrong, or have
 * changed since they were looked at. With --check that holds for all. */
int match_settle(struct match *match, struct err *err);

#endif
