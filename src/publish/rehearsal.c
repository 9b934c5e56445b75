#include "publish/rehearsal.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "resume/rescue.h"
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

/* Why DEST cannot be renamed over what is there in staging, which nothing can be: errno, or
 * 0 if that was done, since somebody changed the one or the other, and undone. If it cannot
 * be undone, DEST stays in staging until resume/rescue.h brings it back. */
static int ask(const struct run *run, const char *over, int *reason, struct err *err)
{
    const struct fs_dir *dir = &run->staging.dir, *parent = &run->staging.parent;
    const char *name = layout_name(run->opt.dest);

    *reason = 0;
    if (fs_rename(parent, name, dir, over, FS_RENAME_REPLACE, NULL) == 0)
        return fs_rename(dir, over, parent, name, FS_RENAME_ABSENT, err);
    *reason = errno;
    return 0;
}

/* The kernel never lets a directory replace a file, and says so before the file system is
 * asked, but after it has seen whether the directory may go. */
static int ask_kernel(const struct run *run, int *reason, struct err *err)
{
    const struct fs_dir *dir = &run->staging.dir;

    *reason = 0;
    if (fs_mkdirs(dir, "rehearsal", NULL) < 0 ||
        fs_write_all(dir, rescue_probe_file, "", 0, false, false, NULL) < 0)
        return 0;
    return ask(run, rescue_probe_file, reason, err);
}

/* Of its layers only the file system knows. It is asked if it is the kernel's own: others,
 * unions of several above all, may make one of two directories. */
static int ask_overlay(const struct run *run, int *reason, struct err *err)
{
    const struct fs_dir *dir = &run->staging.dir;
    char inner[FS_NAME];

    *reason = 0;
    fs_format(inner, "%s/%s", rescue_probe_full, rescue_probe_inner);
    return fs_is_overlay(dir, ".") && fs_mkdirs(dir, inner, NULL) == 0
               ? ask(run, rescue_probe_full, reason, err)
               : 0;
}

/* Nothing here can remove more than what was made for it. */
static void clear_away(const struct fs_dir *dir)
{
    char inner[FS_NAME];

    fs_unlink(dir, rescue_probe_file, NULL);
    fs_remove_empty(dir, fs_format(inner, "%s/%s", rescue_probe_full, rescue_probe_inner),
                    NULL);
    fs_remove_empty(dir, rescue_probe_full, NULL);
    fs_remove_empty(dir, "rehearsal", NULL);
}

static int check_directory(const struct run *run, enum layout_step step, struct err *err)
{
    const char *words;
    int reason;

    if (ask_kernel(run, &reason, err) < 0)
        return -1;
    words = rehearsal_verdict(reason, step);
    if (!words && !fs_is_writable(&run->staging.parent, layout_name(run->opt.dest)))
        words = rehearsal_verdict(EACCES, step);
    if (!words && ask_overlay(run, &reason, err) < 0)
        return -1;
    clear_away(&run->staging.dir);
    words = words ? words : rehearsal_verdict(reason, step);
    return words ? refuse(run, words, err) : 0;
}

/* Links and files, of which no rename is sure to fail. */
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
        rc = check_directory(run, step, err);
    else
        rc = check_sticky(run, &info, err);
    return rc == 0 ? check_project(run, err) : rc;
}
