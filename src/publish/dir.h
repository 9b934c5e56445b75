/* publish/dir.h -- rank 0: layout dir. Builds the staging tree beside DEST.
 *
 * Life cycle   dir_look (publish/dir_look.h); dir_claim and dir_build unless all files exist already;
 *              publish/dir_commit.h makes the tree visible; dir_release. */
#ifndef PUBLISH_DIR_H
#define PUBLISH_DIR_H

#include "core/plan/layout.h"
#include "publish/match.h"
#include "publish/succession.h"
#include "staging/existing.h"
#include "staging/manifest.h"

struct dir {
    struct run *run;
    const struct plan *whole; /* all files of a commit of which the plan is a part, or
                               * NULL; set before dir_build */
    enum layout_dest dest;    /* as dir_look found it */
    struct layout_choice how; /* to publish; decided in dir_build */
    struct manifest manifest; /* of DEST, if there is one that is believed */
    bool recorded;            /* there is one, believed or not, ... */
    uint32_t recorder;        /* ... and this user's */
    char stale[FS_NAME];      /* where the believed one lies beside DEST, or "" */
    bool adoptable;           /* DEST is a directory */
    bool adopted;             /* all that it holds was found to be planned */
    struct trust trust;
    struct hash_note note;
    struct match match;
    int64_t began; /* the look at its files; ns since 1970 */
    struct existing existing;
    struct succession succession;
    char identity[65];   /* of the plan */
    char content_id[65]; /* of what dir_commit publishes */
    bool complete;       /* dir_complete has been there */
    /* Set by dir_commit if DEST is a symlink: names in .name.versions */
    char *version;              /* of what was published */
    char *before;               /* of what DEST pointed to, or NULL */
    struct strbuf old_versions; /* all that were there before, each with its NUL */
};

/* A file that was found counts as missing after all. */
void dir_unfind(struct dir *dir, size_t i);

/* For a plan: ERR_DEST if there would be no room, or nothing could be made. */
int dir_foresee(const struct dir *dir, struct err *err);

/* Claim a staging beside DEST, as claim_take. */
int dir_claim(struct dir *dir, struct err *err);

/* Check space and inodes (ERR_DEST with the figures), make all directories, link
 * unchanged files, take over what former runs left, make empty and large files. */
int dir_build(struct dir *dir, struct err *err);

/* Look at DEST once more, since another run may have published there: read its manifest
 * again, and choose again how to publish over it. */
int dir_refresh(struct dir *dir, struct err *err);

void dir_release(struct dir *dir);

#endif
