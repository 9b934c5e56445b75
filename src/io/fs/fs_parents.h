/* io/fs/fs_parents.h -- the directories of names that follow each other, held open: the
 * way to each is looked up once, and what is done to a name in it is one call. Part of
 * io/fs/fs.h.
 *
 * A held directory follows a rename (io/fs/fs_dir.h). So they are held no longer than it
 * takes to do the same to a few names.
 *
 * Life cycle   zeroed, fs_parents_of, fs_parents_close. */
#ifndef IO_FS_FS_PARENTS_H
#define IO_FS_FS_PARENTS_H

#include "io/fs/fs_dir.h"

enum { FS_PARENTS = 4 };

struct fs_parents {
    struct fs_parent {
        const struct fs_dir *in;
        char *name;
        struct fs_dir dir;
    } held[FS_PARENTS];
    unsigned next; /* the one that goes first */
};

/* The directory that a name below `in` lies in, and *last, the rest of the name; until
 * FS_PARENTS others were asked for. Where it cannot be opened that is `in` and all of the
 * name, so that whoever uses them hears of it, or waits for it. */
const struct fs_dir *fs_parents_of(struct fs_parents *parents, const struct fs_dir *in,
                                   const char *name, const char **last);

void fs_parents_close(struct fs_parents *parents);

#endif
