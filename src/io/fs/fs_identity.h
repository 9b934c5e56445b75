/* io/fs/fs_identity.h -- what tells one directory from another under whatever name, also
 * on another node and after a restart. Numbers of devices do not: they are given out when
 * a file system is mounted. */
#ifndef IO_FS_FS_IDENTITY_H
#define IO_FS_FS_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "io/fs/fs_dir.h"

struct fs_identity {
    uint64_t inode;  /* given to another one once this one is removed */
    int64_t born_ns; /* since 1970; 0: this file system does not tell */
};

/* Of a directory; a symlink in the place of it is followed where dir is NULL. false: there
 * is none. */
bool fs_identify(const struct fs_dir *dir, const char *name,
                 struct fs_identity *identity);

/* Whether both are certainly the same: where no time of birth is known, they are not. */
bool fs_identity_same(const struct fs_identity *a, const struct fs_identity *b);

#endif
