#include "io/fs/fs_identity.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/fs/fs_at.h"

enum { NS_PER_S = 1000000000 };

bool fs_identify(const struct fs_dir *dir, const char *name, struct fs_identity *identity)
{
    int fd = fs_at_open(dir, name, O_PATH | O_DIRECTORY, 0);
    struct statx stx;
    bool good =
        fd >= 0 && statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &stx) == 0;

    *identity = (struct fs_identity){ 0 };
    if (good)
        identity->inode = stx.stx_ino;
    if (good && (stx.stx_mask & STATX_BTIME))
        identity->born_ns =
            (int64_t)stx.stx_btime.tv_sec * NS_PER_S + (int64_t)stx.stx_btime.tv_nsec;
    if (fd >= 0)
        close(fd);
    return good;
}

bool fs_identity_same(const struct fs_identity *a, const struct fs_identity *b)
{
    return a->inode == b->inode && a->born_ns == b->born_ns && a->born_ns != 0;
}
