/* io/fs/fs_owner.h -- whose a file or a directory is. Part of io/fs/fs.h.
 *
 * An owner is a number that some file systems do not tell as it is: mapped ids in a
 * container, CIFS, FUSE, root on NFS. What this user makes shows another owner there, and
 * so does what anybody else made. */
#ifndef IO_FS_FS_OWNER_H
#define IO_FS_FS_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "io/fs/fs_dir.h"

struct fs_info;

/* Whether it belongs to the user whom this process acts for. made: what this process has
 * made on that file system. Where owners are not told as they are: true, and what the
 * caller knows of it must do. */
bool fs_is_mine(const struct fs_info *info, const struct fs_info *made);

/* The same of a directory that lies in parent, where something is made to compare it with
 * if need be. false as well if it cannot be found out, or this user may not write to it. */
bool fs_dir_is_mine(const struct fs_dir *dir, const struct fs_dir *parent);

/* Whether a symbolic link in a directory may be followed: it was made by this user, by root
 * or by the owner of that directory. */
bool fs_link_is_trusted(const struct fs_info *link, const struct fs_info *above);

/* Whether the sticky bit of a directory keeps this user from renaming or removing what
 * lies in it. made: as above. */
bool fs_is_guarded(const struct fs_info *above, const struct fs_info *info,
                   const struct fs_info *made);

/* Whether Linux may keep other users from following a symbolic link of that owner in that
 * directory (fs.protected_symlinks): one that all may write to, with the sticky bit. */
bool fs_hides_links(const struct fs_info *above, uint32_t owner);

#endif
