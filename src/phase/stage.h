/* phase/stage.h -- rank 0: look at DEST, then build the staging tree beside it, once.
 *
 * Life cycle   stage_look; stage_claim and stage_build unless everything is there
 * already; publish.h makes it visible or removes it; stage_release. */
#ifndef PHASE_STAGE_H
#define PHASE_STAGE_H

#include "core/layout.h"
#include "phase/inventory.h"
#include "phase/record.h"

struct stage {
    struct run *run;
    enum layout_dest dest;    /* as stage_look found it */
    struct layout_choice how; /* to publish; decided in stage_build */
    struct record record;     /* of DEST, if it is ours */
    struct inventory have;
    char identity[65]; /* of the plan */
    /* Filled by publish_commit where DEST is a symlink: names in .name.versions */
    char *version;              /* of what was published */
    char *before;               /* of what DEST pointed to, or NULL */
    struct strbuf old_versions; /* all that stood there, each with its NUL */
};

/* Classify DEST and find what of the plan lies there unchanged. Writes nothing. ERR_DEST
 * if DEST may not be replaced. */
int stage_look(struct stage *stage, struct run *run, struct err *err);

/* A file that was found counts as missing after all. */
void stage_unfind(struct stage *stage, size_t i);

/* Win a staging beside DEST: as custody_take. */
int stage_claim(struct stage *stage, struct err *err);

/* Check space and inodes (ERR_DEST with the figures), make all directories, link
 * unchanged files, take over what former runs left, make empty and large files. */
int stage_build(struct stage *stage, struct err *err);

/* Look at DEST once more, another run may have published there: its record is read again,
 * and if it has become something else, how to publish over that is chosen again. */
int stage_refresh(struct stage *stage, struct err *err);

void stage_release(struct stage *stage);

#endif
