#include "io/fs/fs_traits.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/text.h"
#include "io/fs/fs_at.h"
#include "io/fs/fs_attributes.h"

static struct fs_project project_of(int fd)
{
    struct fsxattr flags;

    if (ioctl(fd, FS_IOC_FSGETXATTR, &flags) < 0)
        return (struct fs_project){ 0 };
    return (struct fs_project){ .known = true,
                                .inherits = flags.fsx_xflags & FS_XFLAG_PROJINHERIT,
                                .id = flags.fsx_projid };
}

struct fs_project fs_project_of(const struct fs_dir *dir, const char *name)
{
    int fd = fs_at_open(dir, name, O_RDONLY | O_DIRECTORY, 0);
    struct fs_project project = { 0 };

    if (fd < 0)
        return project;
    project = project_of(fd);
    close(fd);
    return project;
}

int fs_traits_take(const struct fs_dir *dir, const char *name, struct fs_traits *traits,
                   struct err *err)
{
    int fd = fs_at_open(dir, name, O_PATH, 0);
    struct stat st;
    int rc = 0;

    *traits = (struct fs_traits){ 0 };
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
                   ? 0
                   : fs_at_fail(err, ERR_DEST, "read the attributes of", dir, name);
    if (fstat(fd, &st) < 0) {
        rc = fs_at_fail(err, ERR_DEST, "stat", dir, name);
    } else if (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)) {
        traits->there = true;
        traits->directory = S_ISDIR(st.st_mode);
        traits->mode = st.st_mode & (traits->directory ? 07777 : 0777);
        traits->gid = st.st_gid;
        if (traits->directory)
            traits->project = fs_project_of(dir, name);
        rc = fs_attributes_read(fd, traits->directory, &traits->attributes, err);
    }
    close(fd);
    return rc;
}

/* --- giving */

struct gift {
    const struct fs_traits *traits;
    const struct fs_dir *dir;
    const char *name;
    int fd;
    bool group_lost;
    char *value; /* FS_ATTRIBUTE_MOST bytes */
    struct strbuf *lost;
    struct err *err;
};

static void lose(struct gift *gift, const char *what)
{
    if (gift->lost->data && strstr(gift->lost->data, what))
        return;
    strbuf_addf(gift->lost, "%s%s", gift->lost->len ? ", " : "", what);
}

static bool has_value(const struct gift *gift, const char *name, const void *value,
                      uint32_t len, char *spare)
{
    ssize_t found = fgetxattr(gift->fd, name, spare, FS_ATTRIBUTE_MOST);

    return found == (ssize_t)len && memcmp(spare, value, len) == 0;
}

static int fail_list(const struct gift *gift, const char *name)
{
    char path[PATH_MAX];

    return err_set(gift->err, ERR_DEST,
                   "cannot give '%s' the access control list (%s) of what it replaces: "
                   "%s; remove that list, or publish to another path",
                   fs_at_path(path, gift->dir, gift->name), name, strerror(errno));
}

static int give_list(struct gift *gift, const char *name)
{
    struct fs_attribute list;
    char *now = gift->value + FS_ATTRIBUTE_MOST;

    if (!fs_attributes_find(&gift->traits->attributes, name, &list)) {
        /* What lies in staging may have inherited one. */
        if (fgetxattr(gift->fd, name, NULL, 0) < 0 || fremovexattr(gift->fd, name) == 0)
            return 0;
        return fail_list(gift, name);
    }
    if (list.unreadable) {
        errno = EACCES;
        return fail_list(gift, name);
    }
    memcpy(gift->value, list.value, list.len);
    if (gift->group_lost &&
        (name == fs_attribute_lists[0] || name == fs_attribute_lists[1]))
        fs_attribute_close_to_group(gift->value, list.len);
    if (has_value(gift, name, gift->value, list.len, now) ||
        fsetxattr(gift->fd, name, gift->value, list.len, 0) == 0)
        return 0;
    return fail_list(gift, name);
}

static int give_lists(struct gift *gift)
{
    for (size_t i = 0; i < countof(fs_attribute_lists); i++)
        if ((gift->traits->directory || i != 1) &&
            give_list(gift, fs_attribute_lists[i]) < 0)
            return -1;
    return 0;
}

/* What a file system notes for itself, and shows to root. */
static bool is_internal(const char *name)
{
    static const char *const prefixes[] = { "trusted.link",     "trusted.lma",
                                            "trusted.lmv",      "trusted.fid",
                                            "trusted.som",      "trusted.version",
                                            "trusted.overlay.", "trusted.glusterfs.",
                                            "trusted.gfid",     "trusted.afr." };

    for (size_t i = 0; i < countof(prefixes); i++)
        if (text_starts(name, prefixes[i]))
            return true;
    return false;
}

static void give_attributes(struct gift *gift)
{
    struct fs_attribute one;

    for (size_t at = 0; fs_attributes_next(&gift->traits->attributes, &at, &one);) {
        if (fs_attribute_is_list(one.name) || is_internal(one.name))
            continue;
        if (one.unreadable ||
            (!has_value(gift, one.name, one.value, one.len, gift->value) &&
             (!text_starts(one.name, "user.") ||
              fsetxattr(gift->fd, one.name, one.value, one.len, 0) < 0)))
            lose(gift, one.name);
    }
}

static void give_project(struct gift *gift)
{
    const struct fs_project *project = &gift->traits->project;
    struct fsxattr flags;

    if (!project->known || ioctl(gift->fd, FS_IOC_FSGETXATTR, &flags) < 0)
        return;
    if (flags.fsx_projid == project->id &&
        !(flags.fsx_xflags & FS_XFLAG_PROJINHERIT) == !project->inherits)
        return;
    flags.fsx_projid = project->id;
    flags.fsx_xflags &= ~(uint32_t)FS_XFLAG_PROJINHERIT;
    flags.fsx_xflags |= project->inherits ? FS_XFLAG_PROJINHERIT : 0;
    if (ioctl(gift->fd, FS_IOC_FSSETXATTR, &flags) < 0)
        lose(gift, "the project id");
}

static void give_group(struct gift *gift, const struct stat *now)
{
    char what[40];

    if (now->st_gid == gift->traits->gid ||
        fchown(gift->fd, (uid_t)-1, gift->traits->gid) == 0)
        return;
    gift->group_lost = true;
    snprintf(what, sizeof(what), "the group %u", (unsigned)gift->traits->gid);
    lose(gift, what);
}

/* In the presence of a list the bits of the group are what it grants at most. Members of a
 * group that is lost are among all others, who get nothing that it was denied. A file that
 * its owner cannot read would be no copy that can be used. */
static unsigned mode_of(const struct gift *gift, bool work)
{
    struct fs_attribute list;
    unsigned mode = gift->traits->mode, rights;

    if (!gift->traits->directory)
        mode |= S_IRUSR;
    else if (work)
        mode |= S_IRWXU;
    if (!gift->group_lost)
        return mode;
    mode &= ~(unsigned)S_ISGID;
    if (fs_attributes_find(&gift->traits->attributes, fs_attribute_lists[0], &list)) {
        rights = fs_attribute_group_rights(list.value, list.len);
    } else {
        rights = (mode & S_IRWXG) >> 3;
        mode &= ~(unsigned)S_IRWXG;
    }
    return mode & ~(S_IRWXO & ~rights);
}

/* Behind the lists, which set a part of it. Not if it is right: of a group that this user
 * is no member of, the kernel takes the setgid bit that was inherited. */
static int give_mode(struct gift *gift, unsigned mode)
{
    struct stat now;

    if (fstat(gift->fd, &now) == 0 && (now.st_mode & 07777) == mode)
        return 0;
    if (fchmod(gift->fd, mode) < 0 || fstat(gift->fd, &now) < 0)
        return fs_at_fail(gift->err, ERR_DEST, "set the mode of", gift->dir, gift->name);
    if (mode & ~now.st_mode & S_ISGID)
        lose(gift, "the setgid bit");
    return 0;
}

static int give_all(struct gift *gift, bool work)
{
    struct stat now;

    if (fstat(gift->fd, &now) < 0)
        return fs_at_fail(gift->err, ERR_DEST, "stat", gift->dir, gift->name);
    if (!S_ISDIR(now.st_mode) == gift->traits->directory)
        return 0;
    give_group(gift, &now);
    if (give_lists(gift) < 0 || give_mode(gift, mode_of(gift, work)) < 0)
        return -1;
    give_attributes(gift);
    if (gift->traits->directory)
        give_project(gift);
    return 0;
}

int fs_traits_give(const struct fs_traits *traits, const struct fs_dir *dir,
                   const char *name, bool work, struct strbuf *lost, struct err *err)
{
    struct gift gift = { .traits = traits,
                         .dir = dir,
                         .name = name,
                         .fd = fs_at_open(dir, name, O_RDONLY | O_NOFOLLOW, 0),
                         .lost = lost,
                         .err = err };
    int rc = -1;

    if (gift.fd < 0)
        return fs_at_fail(err, ERR_DEST, "open", dir, name);
    gift.value = malloc((size_t)2 * FS_ATTRIBUTE_MOST);
    rc = gift.value ? give_all(&gift, work) : err_memory(err, "attributes");
    free(gift.value);
    close(gift.fd);
    return rc;
}

void fs_traits_close(const struct fs_traits *traits, const struct fs_dir *dir,
                     const char *name)
{
    int fd = fs_at_open(dir, name, O_RDONLY | O_NOFOLLOW, 0);
    struct stat now;

    if (fd >= 0 && fstat(fd, &now) == 0 && (traits->mode & S_IRWXU) != S_IRWXU)
        fchmod(fd, (now.st_mode & 07777 & ~(unsigned)S_IRWXU) | (traits->mode & S_IRWXU));
    if (fd >= 0)
        close(fd);
}

void fs_traits_release(struct fs_traits *traits)
{
    strbuf_release(&traits->attributes);
    *traits = (struct fs_traits){ 0 };
}

int fs_traits_pass(const struct fs_dir *from_dir, const char *from,
                   const struct fs_dir *to_dir, const char *to, struct strbuf *lost,
                   struct err *err)
{
    struct fs_traits traits;
    int rc = fs_traits_take(from_dir, from, &traits, err);

    if (rc == 0 && traits.there)
        rc = fs_traits_give(&traits, to_dir, to, true, lost, err);
    fs_traits_release(&traits);
    return rc;
}

void fs_traits_inherit(const struct fs_dir *above_dir, const char *above,
                       const struct fs_dir *dir, const char *name)
{
    int of_above = fs_at_open(above_dir, above, O_RDONLY | O_DIRECTORY, 0);
    int of_this = fs_at_open(dir, name, O_RDONLY | O_DIRECTORY, 0);
    struct stat parent, here;
    char *list = malloc(FS_ATTRIBUTE_MOST);
    ssize_t len;

    if (of_above < 0 || of_this < 0 || !list || fstat(of_above, &parent) < 0 ||
        fstat(of_this, &here) < 0)
        goto out;
    len = fgetxattr(of_above, fs_attribute_lists[1], list, FS_ATTRIBUTE_MOST);
    if (len > 0)
        fsetxattr(of_this, fs_attribute_lists[1], list, (size_t)len, 0);
    else
        fremovexattr(of_this, fs_attribute_lists[1]);
    if ((parent.st_mode & S_ISGID) && fchown(of_this, (uid_t)-1, parent.st_gid) == 0)
        fchmod(of_this, (here.st_mode & 07777) | S_ISGID);
out:
    free(list);
    if (of_above >= 0)
        close(of_above);
    if (of_this >= 0)
        close(of_this);
}
