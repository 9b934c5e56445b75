#include "io/fs/fs_owner.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/fs/fs.h"
#include "io/fs/fs_at.h"

bool fs_is_mine(const struct fs_info *info, const struct fs_info *made)
{
    return info->uid == made->uid || made->uid != geteuid();
}

/* The name is that of a staging (resume/claim.h), which is removed if it is found empty. */
static int look_at_directory(const struct fs_dir *dir, struct fs_info *made)
{
    struct strbuf name = { 0 };
    int rc = fs_private_dir(dir, ".", ".mpifetch-", &name, NULL);

    if (rc == 0) {
        rc = fs_look(dir, name.data, made, NULL);
        fs_remove_empty(dir, name.data, NULL);
    }
    strbuf_release(&name);
    return rc;
}

/* Without a name, where there is such a thing. */
static int look_at_made(const struct fs_dir *dir, struct fs_info *made)
{
    int fd = fs_at_open(dir, ".", O_TMPFILE | O_WRONLY, 0600);
    struct stat st;
    int rc;

    if (fd < 0)
        return look_at_directory(dir, made);
    rc = fstat(fd, &st);
    if (rc == 0)
        *made = fs_info_of(&st);
    close(fd);
    return rc;
}

bool fs_dir_is_mine(const struct fs_dir *dir, const struct fs_dir *parent)
{
    struct fs_info info, made;

    if (fs_look(dir, ".", &info, NULL) < 0 || info.kind != FS_DIRECTORY ||
        !fs_is_writable(dir, "."))
        return false;
    return info.uid == geteuid() ||
           (look_at_made(parent, &made) == 0 && fs_is_mine(&info, &made));
}

bool fs_link_is_trusted(const struct fs_info *link, const struct fs_info *above)
{
    return link->uid == geteuid() || link->uid == 0 || link->uid == above->uid;
}

bool fs_is_guarded(const struct fs_info *above, const struct fs_info *info,
                   const struct fs_info *made)
{
    return geteuid() != 0 && (above->mode & S_ISVTX) && !fs_is_mine(info, made) &&
           !fs_is_mine(above, made);
}

bool fs_hides_links(const struct fs_info *above, uint32_t owner)
{
    return (above->mode & S_ISVTX) && (above->mode & S_IWOTH) && above->uid != owner;
}
