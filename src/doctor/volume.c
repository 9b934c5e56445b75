#include "doctor/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/quota.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "io/fs/fs.h"

enum { FDINFO_MOST = 4096, MOUNTINFO_MOST = 16 << 20, QUOTA_BLOCK = 1024 };

/* Of all that could name the mount (the longest path in front, the device number) only
 * the kernel's own number is right for bind mounts, btrfs and mounts over mounts. */
static void look_at_mount(int fd, struct mount *mount)
{
    char path[64];
    char *fdinfo = NULL, *table = NULL;
    size_t len;
    uint64_t id;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    if (fs_read_all(NULL, path, FDINFO_MOST, &fdinfo, &len, NULL) == 0 &&
        mounts_id(fdinfo, &id) &&
        fs_read_all(NULL, "/proc/self/mountinfo", MOUNTINFO_MOST, &table, &len, NULL) ==
            0)
        mounts_find(table, id, mount);
    free(fdinfo);
    free(table);
}

static void look_at_quota(const struct mount *mount, int type, int id,
                          struct volume_quota *quota)
{
    /* as QCMD, which shifts a signed number out of its range */
    unsigned command =
        (unsigned)Q_GETQUOTA << SUBCMDSHIFT | ((unsigned)type & SUBCMDMASK);
    struct dqblk block;

    *quota = (struct volume_quota){ .reason = ENODEV };
    if (mount->source[0] != '/')
        return; /* no device: a network file system has means of its own */
    if (quotactl((int)command, mount->source, id, (char *)&block) < 0) {
        quota->reason = errno;
        return;
    }
    quota->reason = 0;
    quota->used = block.dqb_curspace;
    quota->limit = block.dqb_bhardlimit * QUOTA_BLOCK;
}

int volume_look(const char *dir, struct volume *volume)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct statfs kind;
    struct statvfs room;
    struct fs_info info;
    int reason = 0;

    *volume = (struct volume){ 0 };
    if (fd < 0)
        return errno;
    if (fstatfs(fd, &kind) < 0 || fstatvfs(fd, &room) < 0) {
        reason = errno;
        goto out;
    }
    volume->magic =
        (uint64_t)kind.f_type & UINT32_MAX; /* it is signed on some machines */
    volume->total = (uint64_t)room.f_blocks * room.f_frsize;
    volume->bytes = room.f_blocks ? (uint64_t)room.f_bavail * room.f_frsize : UINT64_MAX;
    volume->inodes = room.f_files ? room.f_favail : UINT64_MAX;
    volume->writable = fs_is_writable(NULL, dir);
    volume->hides_links =
        fs_look_open(fd, NULL, dir, &info, NULL) == 0 && fs_hides_links(&info, geteuid());
    volume->stripes = fs_stripes_look(NULL, dir);
    look_at_mount(fd, &volume->mount);
    look_at_quota(&volume->mount, USRQUOTA, (int)geteuid(), &volume->quota[VOLUME_USER]);
    look_at_quota(&volume->mount, GRPQUOTA, (int)getegid(), &volume->quota[VOLUME_GROUP]);
out:
    close(fd);
    return reason;
}
