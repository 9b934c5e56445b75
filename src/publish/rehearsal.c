#include "publish/rehearsal.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "staging/record.h"

static const char is_mounted[] =
    "is a mount point, and nothing can take the place of what is mounted";

static int refuse(const struct run *run, const char *why, struct err *err)
{
    return err_set(err, ERR_DEST, "'%s' %s: publish to another path, such as '%s/NAME'",
                   run->opt.dest, why, run->opt.dest);
}

static bool leads_to_ours(const char *dest)
{
    struct manifest manifest = { 0 };
    bool ours = record_load_dest_head(&manifest, dest, NULL, NULL) == 0;

    manifest_release(&manifest);
    return ours;
}

static int refuse_link(const struct run *run, struct err *err)
{
    const char *dest = run->opt.dest;
    struct strbuf target = { 0 };
    int rc;

    if (fs_readlink(NULL, dest, &target, err) < 0)
        rc = -1;
    else
        rc = err_set(err, ERR_DEST,
                     "'%s' is a symbolic link to '%s'%s: name the path that it leads to, "
                     "or use --force to replace the link",
                     dest, target.data ? target.data : "",
                     leads_to_ours(dest) ? ", which mpifetch published" : "");
    strbuf_release(&target);
    return rc;
}

int rehearsal_look(const struct run *run, enum layout_dest dest, struct err *err)
{
    struct strbuf parent = { 0 };
    struct fs_dir above = { 0 };
    struct fs_info info;
    int rc = -1;

    layout_parent(run->opt.dest, &parent);
    if (parent.failed) {
        err_memory(err, "a path");
        goto out;
    }
    if (fs_dir_open(&above, NULL, parent.data, err) < 0 ||
        fs_look(&above, layout_name(run->opt.dest), &info, err) < 0)
        goto out;
    if (fs_is_mount(&above, layout_name(run->opt.dest)))
        refuse(run, is_mounted, err);
    else if (dest == LAYOUT_FOREIGN && info.kind == FS_SYMLINK && !run->opt.force)
        refuse_link(run, err);
    else
        rc = 0;
out:
    fs_dir_close(&above);
    strbuf_release(&parent);
    return rc;
}

/* What takes the place of an empty directory does not move that directory. */
static bool moves(enum layout_step step)
{
    return step == LAYOUT_EXCHANGE || step == LAYOUT_SWAP_LINK;
}

const char *rehearsal_verdict(int reason, enum layout_step step)
{
    static const struct {
        int reason;
        bool if_moved; /* else in any case */
        const char *words;
    } rows[] = {
        { EBUSY, false, "is a mount point or in use by the system" },
        { EPERM, false,
          "may not be renamed by this user: it is immutable, or lies in a sticky "
          "directory and belongs to somebody else" },
        { EROFS, false, "is on a file system that is mounted read-only" },
        { EACCES, true,
          "may not be written to by this user, which a directory must be to be moved "
          "(chmod u+w, if it is yours)" },
        { EXDEV, true,
          "cannot be moved in one step: it lies in a lower layer of an overlay file "
          "system, or has another project id than the directory that it lies in" },
    };

    for (size_t i = 0; i < countof(rows); i++)
        if (rows[i].reason == reason && (!rows[i].if_moved || moves(step)))
            return rows[i].words;
    return NULL;
}

/* What this file system says when a directory that is not empty is to be replaced. Some
 * say that it is not permitted, which would look like a refusal; some do it. */
static bool can_ask(const struct fs_dir *dir)
{
    if (fs_mkdirs(dir, "rehearsal/one/full", NULL) < 0 ||
        fs_mkdirs(dir, "rehearsal/other/full", NULL) < 0 ||
        fs_rename(dir, "rehearsal/one", dir, "rehearsal/other", FS_RENAME_REPLACE,
                  NULL) == 0)
        return false;
    return errno == ENOTEMPTY || errno == EEXIST;
}

static int ask(const struct run *run, enum layout_step step, struct err *err)
{
    const struct fs_dir *dir = &run->staging.dir, *parent = &run->staging.parent;
    const char *name = layout_name(run->opt.dest), *words;

    if (!can_ask(dir))
        return 0;
    if (fs_rename(parent, name, dir, "rehearsal/other", FS_RENAME_REPLACE, NULL) == 0)
        /* It is no promise of a file system that keeps this one. */
        return fs_rename(dir, "rehearsal/other", parent, name, FS_RENAME_NEW, err);
    words = rehearsal_verdict(errno, step);
    return words ? refuse(run, words, err) : 0;
}

/* Of what a rename over a directory tells nothing: links and files. */
static int check_sticky(const struct run *run, const struct fs_info *dest,
                        struct err *err)
{
    const struct run_staging *staging = &run->staging;
    struct fs_info above, made;

    if (fs_look(&staging->parent, ".", &above, NULL) < 0 ||
        fs_look(&staging->home, ".", &made, NULL) < 0 ||
        !fs_is_guarded(&above, dest, &made))
        return 0;
    return refuse(run, rehearsal_verdict(EPERM, LAYOUT_FLIP), err);
}

/* A directory with an id that is inherited takes nothing with another one. */
static int check_project(const struct run *run, struct err *err)
{
    struct fs_project above = fs_project_of(&run->staging.parent, ".");
    struct fs_project own = fs_project_of(NULL, run->opt.dest);

    if (!above.inherits || !own.known || own.id == above.id)
        return 0;
    return refuse(run, rehearsal_verdict(EXDEV, LAYOUT_EXCHANGE), err);
}

static void warn_of_link(const struct run *run, enum layout_step step)
{
    struct fs_info above, home;

    if ((step == LAYOUT_FLIP || step == LAYOUT_SWAP_LINK) &&
        fs_look(&run->staging.parent, ".", &above, NULL) == 0 &&
        fs_look(&run->staging.home, ".", &home, NULL) == 0 &&
        fs_hides_links(&above, home.uid))
        log_line(
            &run->ranks.log, LOG_WARN,
            "'%s' is to be a symbolic link in a sticky directory that all may write "
            "to: where fs.protected_symlinks is set, as on most systems, other users "
            "cannot follow it",
            run->opt.dest);
}

int rehearsal_step(const struct run *run, enum layout_dest dest, enum layout_step step,
                   struct err *err)
{
    struct fs_info info;
    int rc = 0;

    warn_of_link(run, step);
    if (dest == LAYOUT_MISSING)
        return 0;
    if (fs_look(&run->staging.parent, layout_name(run->opt.dest), &info, err) < 0)
        return -1;
    if (info.kind == FS_DIRECTORY)
        rc = ask(run, step, err);
    else
        rc = check_sticky(run, &info, err);
    fs_remove_tree(&run->staging.dir, "rehearsal", NULL);
    return rc == 0 ? check_project(run, err) : rc;
}
