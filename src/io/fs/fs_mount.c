#include "io/fs/fs_mount.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "io/fs/fs_at.h"

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

static bool kind_of(const struct fs_dir *dir, const char *name, uint32_t *kind)
{
    int fd = fs_at_open(dir, name, O_PATH | O_NOFOLLOW, 0);
    struct statfs system;
    bool known = fd >= 0 && fstatfs(fd, &system) == 0;

    if (known)
        *kind = (uint32_t)system.f_type; /* it is signed on some machines */
    if (fd >= 0)
        close(fd);
    return known;
}

/* Before Linux 5.8. The subvolumes of btrfs have device numbers of their own. */
static bool is_other_device(const struct fs_dir *dir, const char *name)
{
    struct fs_info above, info;
    uint32_t kind;

    return fs_look(dir, ".", &above, NULL) == 0 && fs_look(dir, name, &info, NULL) == 0 &&
           info.kind != FS_MISSING && info.device != above.device &&
           kind_of(dir, name, &kind) && kind != BTRFS_SUPER_MAGIC;
}

bool fs_is_mount(const struct fs_dir *dir, const char *name)
{
    struct fs_at at;
    struct statx stx;
    int rc = fs_at_begin(&at, dir, name);

    if (rc == 0)
        rc = statx(at.fd, at.name, AT_SYMLINK_NOFOLLOW, 0, &stx);
    fs_at_end(&at);
    if (rc == 0 && (stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
        return stx.stx_attributes & STATX_ATTR_MOUNT_ROOT;
    return is_other_device(dir, name);
}

bool fs_is_memory(const struct fs_dir *dir, const char *name)
{
    uint32_t kind;

    return kind_of(dir, name, &kind) && (kind == TMPFS_MAGIC || kind == RAMFS_MAGIC);
}

bool fs_is_overlay(const struct fs_dir *dir, const char *name)
{
    uint32_t kind;

    return kind_of(dir, name, &kind) && kind == OVERLAYFS_SUPER_MAGIC;
}

bool fs_syncs_files_suits(uint32_t kind, const char *release)
{
    static const uint32_t good[] = { EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
                                     TMPFS_MAGIC };
    uint64_t major = 0, minor = 0;
    bool known = false;

    for (size_t i = 0; i < countof(good); i++)
        known |= good[i] == kind;
    return known && text_take_u64(&release, &major) && *release++ == '.' &&
           text_take_u64(&release, &minor) && (major > 5 || (major == 5 && minor >= 17));
}

bool fs_syncs_files(const struct fs_dir *dir, const char *name)
{
    struct utsname kernel;
    uint32_t kind;

    return kind_of(dir, name, &kind) && uname(&kernel) == 0 &&
           fs_syncs_files_suits(kind, kernel.release);
}
