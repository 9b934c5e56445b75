/* publish/succession.h -- rank 0: what DEST is to others goes on to the tree that takes its
 * place (docs/publish.md, "Modes"): mode, group, access control lists, attributes. Of the
 * directory itself, and of each directory and file below it that the new tree has as well.
 *
 * Life cycle   succession_open before anything is made in the tree; succession_directory
 *              and succession_files; succession_step right before the visible step,
 *              succession_end after it; succession_release, which takes a zeroed struct
 *              as well.
 * Errors       ERR_DEST where the tree would be more open than DEST. */
#ifndef PUBLISH_SUCCESSION_H
#define PUBLISH_SUCCESSION_H

#include "io/fs/fs_traits.h"
#include "ranks/run.h"

struct succession {
    struct run *run;
    struct fs_dir old;       /* what DEST leads to, if that is a directory; or not open */
    bool empty;              /* there is nothing in it */
    struct fs_traits traits; /* of old, as the tree has them */
    struct strbuf lost;      /* names of what the tree does not have */
};

int succession_open(struct succession *succession, struct run *run, bool empty,
                    struct err *err);

/* For staging_make_directories: of a directory that was just made; arg: the
 * succession. */
int succession_directory(void *arg, const char *name, struct err *err);

/* Of the files that this run has made: those without existing[i].there. */
struct existing_file;
int succession_files(struct succession *succession, const struct existing_file *existing,
                     struct err *err);

/* Of the directory itself once more, since hours may have passed. Says what is lost. */
int succession_step(struct succession *succession, struct err *err);

/* The tree has that name now: the owner may do no more in it than in the old one. */
void succession_end(struct succession *succession, const struct fs_dir *parent,
                    const char *name);

void succession_release(struct succession *succession);

#endif
