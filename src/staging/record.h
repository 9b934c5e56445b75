/* staging/record.h -- where the record of a published tree lies, and which record is that
 * of a tree. A record is a directory with manifest.json (staging/manifest.h) and SHA256SUMS.
 *
 *     TREE/.cache/huggingface/mpifetch/   inside, of an hf:// source, whose tools ignore it
 *     TREE/.mpifetch/                     inside, as asked for, or of an earlier version
 *     .NAME.mpifetch/run-XXXXXX/          beside a DEST called NAME; the name is that of
 *                                         the run which published it
 *
 * A tree and its record beside become visible by different steps. So there may be several
 * records beside: that of what a run is about to show is put there before the step, and
 * those that describe nothing are removed after it. The one of a tree is
 *
 *   1. the one that names this very directory (inode and time of birth);
 *   2. else one inside it, but where no time of birth is known behind the others;
 *   3. else the one whose every file agrees with the tree in size and mtime; of several the
 *      one with the most files; of those the one that names the inode, where no time of
 *      birth is known; none if there are still several, with different content;
 *   4. else, where no time of birth is known, the only one that names the inode and of
 *      whose files most agree.
 *
 * A tree without any has to be hashed. Rank 0 only. */
#ifndef STAGING_RECORD_H
#define STAGING_RECORD_H

#include "staging/manifest.h"

enum record_place { RECORD_NONE, RECORD_HUB, RECORD_INSIDE, RECORD_BESIDE };

/* Names of directories in a tree. */
#define RECORD_HUB_NAME ".cache/huggingface/mpifetch"
#define RECORD_INSIDE_NAME ".mpifetch"

struct record_tree {
    const struct fs_dir *dir; /* what the tree lies in; NULL: name is a path */
    const char *name;
    const struct fs_dir *parent; /* what DEST lies in; NULL: look inside only */
    const char *dest;            /* whose records may describe it; its last part counts */
};

struct record {
    enum record_place place;
    char name[FS_NAME]; /* of its directory, in dir or, beside, in parent of the tree */
};

/* -1 and ERR_DEST: there is none. */
int record_find(struct record *record, const struct record_tree *tree, struct err *err);

/* The same, and read it, or all but its files. record may be NULL. */
int record_load(struct manifest *manifest, const struct record_tree *tree,
                struct record *record, struct err *err);
int record_load_head(struct manifest *manifest, const struct record_tree *tree,
                     struct record *record, struct err *err);

/* The same of a path as a user gives it: that of a DEST, of a version of one, or a link to
 * either. */
int record_load_dest(struct manifest *manifest, const char *dest, struct record *record,
                     struct err *err);
int record_load_dest_head(struct manifest *manifest, const char *dest,
                          struct record *record, struct err *err);

/* Whether the record of the tree was written by that run. */
bool record_is_by(const struct record_tree *tree, const char *run);

/* ".NAME.mpifetch". Returns name. */
const char *record_beside_name(char name[FS_NAME], const char *dest);

/* The records beside a DEST; each by its name below record_beside_name. */
int record_list(const struct fs_dir *parent, const char *dest,
                int (*visit)(void *arg, const char *name, struct err *err), void *arg,
                struct err *err);

#endif
