/* io/fs/fs_traits.h -- what a file or directory is to others beside its bytes: mode, group,
 * access control lists, attributes, project id. Taken from one and given to another that
 * is to take its place. Part of io/fs/fs.h, which says how errors look.
 *
 * Never more open: a group that this user cannot give takes its permissions along, and all
 * others get nothing that it was denied; a list that cannot be given is an error. Whatever
 * else cannot be given is lost, and named. Except that the owner of a file can read it.
 *
 * Life cycle   zeroed, fs_traits_take, fs_traits_give as often as wanted,
 *              fs_traits_release. */
#ifndef IO_FS_FS_TRAITS_H
#define IO_FS_FS_TRAITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "io/fs/fs_dir.h"

struct fs_project {
    bool known;    /* the file system has such ids */
    bool inherits; /* what is made below gets it, and nothing else is renamed into it */
    uint32_t id;
};

struct fs_traits {
    bool there; /* a directory or a regular file */
    bool directory;
    unsigned mode; /* of a file: without setuid, setgid and sticky */
    uint32_t gid;
    struct fs_project project;
    struct strbuf attributes; /* io/fs/fs_attributes.h */
};

/* What is missing, or is neither a file nor a directory, is not there. In a directory that
 * is held a symbolic link is not there either. */
int fs_traits_take(const struct fs_dir *dir, const char *name, struct fs_traits *traits,
                   struct err *err);

/* work: the owner may write there until fs_traits_close, whatever the mode says. Names
 * of what is lost are appended to lost, each once, with ", " between them. ERR_DEST if an
 * access control list cannot be given. */
int fs_traits_give(const struct fs_traits *traits, const struct fs_dir *dir,
                   const char *name, bool work, struct strbuf *lost, struct err *err);

/* The mode as it was taken, after a give for work; as far as we may. */
void fs_traits_close(const struct fs_traits *traits, const struct fs_dir *dir,
                     const char *name);

void fs_traits_release(struct fs_traits *traits);

/* Take from one and give to the other for work, if both are of one kind. */
int fs_traits_pass(const struct fs_dir *from_dir, const char *from,
                   const struct fs_dir *to_dir, const char *to, struct strbuf *lost,
                   struct err *err);

/* What is made in the second directory is as if it had been made in the first: group and
 * setgid bit, and the default access control list. As far as we may. */
void fs_traits_inherit(const struct fs_dir *above_dir, const char *above,
                       const struct fs_dir *dir, const char *name);

/* Of a directory; not known where it cannot be read. */
struct fs_project fs_project_of(const struct fs_dir *dir, const char *name);

#endif
