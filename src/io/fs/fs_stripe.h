/* io/fs/fs_stripe.h -- stripes of Lustre: a file that is made with a number of them, by
 * Lustre's own library, which is loaded when it is needed, or by its program lfs. Part of
 * io/fs/fs.h, which says how errors look. */
#ifndef IO_FS_FS_STRIPE_H
#define IO_FS_FS_STRIPE_H

#include <stdbool.h>

#include "core/plan/stripe.h"
#include "io/fs/fs_dir.h"

struct fs_stripes {
    bool lustre;
    bool own;                    /* the directory says something else than the root of its
                                  * file system */
    struct stripe_layout layout; /* of what is made in the directory */
    unsigned osts;               /* 0: not known */
};

/* Of a directory. What cannot be found out is as on any other file system. */
struct fs_stripes fs_stripes_look(const struct fs_dir *dir, const char *name);

/* Make an empty file with so many stripes and 0666 less umask; the name is not there yet.
 * After an error it may be there, without stripes. */
int fs_stripes_make(const struct fs_dir *dir, const char *name, unsigned count,
                    struct err *err);

#endif
