#include "resume/discard.h"

#include <errno.h>

#include "io/fs/fs.h"
#include "io/process.h"
#include "resume/leftovers.h"
#include "resume/run_dir.h"

int discard_run(struct run *run, const struct fs_dir *parent, const char *name,
                const struct fs_dir *found, struct err *err)
{
    const char *end = run_dir_mark(name);
    char prefix[FS_NAME], dest[FS_NAME];
    struct leftovers_removal removal = { run, parent, dest, false };
    struct strbuf own = { 0 };
    struct fs_dir staging = { 0 }, taken = { 0 };
    int rc = -1;

    fs_format(prefix, "%.*s.mpifetch-", (int)(end - name), name);
    /* The name is .NAME, or nothing in front of it in a cache. */
    fs_format(dest, "%s/%.*s", parent->path, end > name ? (int)(end - name) - 1 : 0,
              name + (end > name));
    if (fs_private_dir(parent, ".", prefix, &own, err) < 0 ||
        fs_dir_open(&staging, parent, own.data, err) < 0 ||
        fs_dir_below(&taken, &staging, fs_dir_name(found), err) < 0)
        goto out;
    rc = fs_rename(found, ".", &taken, ".", FS_RENAME_ABSENT, err);
    if (rc < 0 && errno == ENOENT)
        rc = 1;
    if (rc == 0)
        rc = leftovers_remove(&removal, &taken, err);
out:
    if (own.data)
        fs_remove_empty(parent, own.data, NULL);
    fs_dir_close(&taken);
    fs_dir_close(&staging);
    strbuf_release(&own);
    return rc;
}

static bool is_taken(const struct fs_dir *own, const struct fs_dir *dir)
{
    struct fs_info held, moved;

    return fs_look(dir, ".", &held, NULL) == 0 &&
           fs_look(own, DISCARD_TAKEN, &moved, NULL) == 0 && moved.inode == held.inode &&
           moved.device == held.device;
}

/* It is not signed, so that a stranger's directory stays even where it cannot go back. */
static int give_back(const struct fs_dir *parent, const char *name,
                     const struct fs_dir *own, const struct fs_dir *dir, struct err *err)
{
    struct err why = { 0 };

    if (fs_rename(own, DISCARD_TAKEN, parent, name, FS_RENAME_ABSENT, &why) == 0)
        return err_set(err, ERR_DEST, "'%s' was replaced by something else meanwhile",
                       dir->path);
    return err_set(err, ERR_DEST,
                   "'%s' was replaced by something else meanwhile, which lies in "
                   "'%s/taken' and cannot be moved back: %s",
                   dir->path, own->path, why.text);
}

/* own/taken, if it is that directory; else it goes back. own is signed once that is known,
 * for whoever finds it after a kill; until then what it holds is as it was
 * (resume/sweep.c). */
static int remove_taken(const struct fs_dir *parent, const char *name,
                        const struct fs_dir *own, const struct fs_dir *dir,
                        struct err *err)
{
    if (!is_taken(own, dir))
        return give_back(parent, name, own, dir, err);
    process_sign(own, ".", false, NULL);
    return fs_remove_tree(own, DISCARD_TAKEN, err);
}

int discard_directory(const struct fs_dir *parent, const char *name,
                      const struct fs_dir *dir, struct err *err)
{
    const char *prefix = *name == '.' ? ".mpifetch-" : "mpifetch-";
    struct fs_dir own = { 0 };
    struct strbuf made = { 0 };
    int rc = fs_private_dir(parent, ".", prefix, &made, err);

    if (rc == 0)
        rc = fs_dir_open(&own, parent, made.data, err);
    if (rc == 0)
        rc = fs_rename(parent, name, &own, DISCARD_TAKEN, FS_RENAME_ABSENT, err);
    if (rc == 0)
        rc = remove_taken(parent, name, &own, dir, err);
    if (own.path && fs_is_missing(&own, DISCARD_TAKEN))
        fs_remove_tree(parent, made.data, NULL);
    fs_dir_close(&own);
    strbuf_release(&made);
    return rc;
}
