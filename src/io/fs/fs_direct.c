#include "io/fs/fs_direct.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/text.h"
#include "io/fs/fs.h"

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

enum { LARGE_PAGE = 2 << 20 }; /* quicker to get than the same in small ones */

static bool is_multiple(uint32_t of)
{
    return of > 0 && FS_DIRECT % of == 0;
}

bool fs_direct_suits(uint32_t kind, bool told, uint32_t memory, uint32_t offset)
{
    static const uint32_t good[] = { EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,
                                     BTRFS_SUPER_MAGIC };

    if (told)
        return is_multiple(memory) && is_multiple(offset);
    for (size_t i = 0; i < countof(good); i++)
        if (good[i] == kind)
            return true;
    return false;
}

/* From Linux 6.1 on. */
static bool kernel_tells(int fd, uint32_t *memory, uint32_t *offset)
{
#ifdef STATX_DIOALIGN
    struct statx stx;

    if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) < 0 ||
        !(stx.stx_mask & STATX_DIOALIGN))
        return false;
    *memory = stx.stx_dio_mem_align;
    *offset = stx.stx_dio_offset_align;
    return true;
#else
    (void)fd, (void)memory, (void)offset;
    return false;
#endif
}

static bool set_direct(int fd, bool direct)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 &&
           fcntl(fd, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

bool fs_direct_begin(int fd)
{
    uint32_t memory = 0, offset = 0;
    bool told = kernel_tells(fd, &memory, &offset);
    struct statfs system;

    return fstatfs(fd, &system) == 0 &&
           fs_direct_suits((uint32_t)system.f_type, told, memory, offset) &&
           set_direct(fd, true);
}

void fs_direct_end(int fd)
{
    set_direct(fd, false);
}

static void leave(int fd, bool *direct)
{
    if (*direct)
        fs_direct_end(fd);
    *direct = false;
}

static bool fits(const void *bytes, size_t len, uint64_t at)
{
    return ((uintptr_t)bytes | len | at) % FS_DIRECT == 0;
}

int fs_direct_pwrite(int fd, bool *direct, bool *refused, const struct fs_dir *dir,
                     const char *name, const void *bytes, size_t len, uint64_t at,
                     struct err *err)
{
    size_t body = len - len % FS_DIRECT;
    struct err why = { 0 };

    if (*direct && body > 0 && fits(bytes, body, at)) {
        if (fs_pwrite(fd, dir, name, bytes, body, at, &why) == 0) {
            if (body == len)
                return 0;
            leave(fd, direct);
            return fs_pwrite(fd, dir, name, (const char *)bytes + body, len - body,
                             at + body, err);
        }
        if (errno != EINVAL)
            return err_copy(err, &why);
        *refused = true;
    }
    leave(fd, direct);
    return fs_pwrite(fd, dir, name, bytes, len, at, err);
}

int fs_direct_pread(int fd, bool *direct, const struct fs_dir *dir, const char *name,
                    void *bytes, size_t len, uint64_t at, struct err *err)
{
    if (*direct && fits(bytes, len, at)) {
        struct err why = { 0 };

        if (fs_pread(fd, dir, name, bytes, len, at, &why) == 0)
            return 0;
        if (errno != EINVAL)
            return err_copy(err, &why);
    }
    leave(fd, direct);
    return fs_pread(fd, dir, name, bytes, len, at, err);
}

void *fs_direct_memory(size_t len)
{
    size_t page = len < LARGE_PAGE ? FS_DIRECT : LARGE_PAGE;
    size_t size = (len / page + 1) * page;
    void *memory = aligned_alloc(page, size);

    if (memory && page == LARGE_PAGE)
        madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

void fs_direct_drop(const struct fs_dir *dir, const char *name)
{
    int fd = fs_open_read(dir, name, NULL);

    if (fd < 0)
        return;
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    fs_close(fd, dir, name, NULL);
}
