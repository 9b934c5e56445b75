#include "publish/dir_commit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/fs/fs.h"
#include "publish/adopt.h"
#include "publish/dir_look.h"
#include "publish/dir_trim.h"
#include "publish/reuse.h"
#include "publish/version_sweep.h"
#include "publish/witness.h"
#include "ranks/background.h"
#include "ranks/wants.h"
#include "resume/claim.h"
#include "resume/leftovers.h"
#include "resume/release.h"
#include "resume/versions.h"
#include "staging/foreign_files.h"
#include "staging/local_metadata.h"
#include "staging/record_write.h"

enum {
    PUBLISH_VERSIONS = 1000, /* of one content */
    PUBLISH_TRIES = 5        /* while other runs publish to the same DEST */
};

/* Ranks may have written to large files until now, so their mtime is set
 * after all agreed. */
static int finish_large_files(const struct dir *dir, struct err *err)
{
    const struct run *run = dir->run;

    for (size_t i = 0; i < run->plan.nfiles; i++) {
        if (dir->existing.file[i].there || !wants_file(run, i) ||
            segments_of(&run->segments, (uint32_t)i) < 2)
            continue;
        if (fs_set_mtime(&run->staging.tree, plan_path(&run->plan, i),
                         run->mtime * 1000000000, err) < 0 ||
            local_metadata_write_file(run, (uint32_t)i, err) < 0)
            return -1;
    }
    return 0;
}

static int note_version(void *arg, const char *name, struct err *err)
{
    struct strbuf *names = arg;

    (void)err;
    strbuf_add(names, name, strlen(name) + 1);
    return 0;
}

/* The versions in .name.versions before this run adds its own: only those may be removed
 * afterwards, since another run may be about to point DEST at a later one. */
static int note_versions(struct dir *dir, const struct fs_dir *versions, struct err *err)
{
    const char *dest = dir->run->opt.dest;
    struct strbuf target = { 0 };
    int rc;

    if (fs_list(versions, ".", note_version, &dir->old_versions, err) < 0)
        return -1;
    if (dir->dest == LAYOUT_VERSIONED && fs_readlink(NULL, dest, &target, NULL) == 0 &&
        target.data && layout_is_version(dest, target.data))
        dir->before = strdup(strrchr(target.data, '/') + 1);
    rc = dir->old_versions.failed ? err_memory(err, "the list of versions") : 0;
    strbuf_release(&target);
    return rc;
}

/* Make staging/link, which points to the version that the last part of path names. */
static int make_link(const struct run *run, const char *version, struct err *err)
{
    char target[FS_NAME];

    fs_format(target, ".%s.versions/%s", layout_name(run->opt.dest), version);
    return fs_unlink(&run->staging.dir, "link", err) < 0 /* of a try before */
               ? -1
               : fs_symlink(target, &run->staging.dir, "link", err);
}

/* The tree becomes .name.versions/<id>, or <id>.1 and so on if the same content was
 * published before: the existing version may be in use, and may be damaged. The symlink
 * is made first, so that it shows where a killed run had put its tree
 * (resume/leftovers.h). */
static int name_version(struct dir *dir, const struct fs_dir *versions,
                        const char *content_id, struct err *err)
{
    const struct run *run = dir->run;
    char name[FS_NAME];

    for (unsigned n = 0;; n++) {
        struct err why = { 0 };

        fs_format(name, n ? "%s.%u" : "%s", content_id, n);
        if (make_link(run, name, err) < 0)
            return -1;
        if (fs_rename(&run->staging.tree, ".", versions, name, FS_RENAME_NEW, &why) == 0)
            break;
        if ((errno != EEXIST && errno != ENOTEMPTY) || n + 1 == PUBLISH_VERSIONS)
            return err_copy(err, &why);
    }
    dir->version = strdup(name);
    return dir->version ? 0 : err_memory(err, "a version");
}

static int keep_version(struct dir *dir, const char *content_id, struct err *err)
{
    const struct run *run = dir->run;
    struct fs_dir versions = { 0 };
    /* Hours may have passed since the last look. */
    int rc = versions_open(&versions, &run->staging.parent, run->opt.dest, true, err);

    if (rc == 0)
        rc = note_versions(dir, &versions, err);
    if (rc == 0)
        rc = name_version(dir, &versions, content_id, err);
    if (rc == 0 && run->opt.sync)
        rc = fs_sync_path(&versions, ".", err);
    fs_dir_close(&versions);
    return rc;
}

static int flip(struct dir *dir, const char *content_id, struct err *err)
{
    const struct run *run = dir->run;
    enum fs_rename how = dir->how.step == LAYOUT_SWAP_LINK ? FS_RENAME_EXCHANGE
                         : dir->dest == LAYOUT_VERSIONED   ? FS_RENAME_REPLACE
                                                           : FS_RENAME_NEW;
    const struct fs_dir *parent = &run->staging.parent;
    const char *name = layout_name(run->opt.dest);

    if (keep_version(dir, content_id, err) < 0)
        return -1;
    /* A symlink cannot be renamed over a directory; an empty one is no
     * loss for readers. */
    if (dir->dest == LAYOUT_EMPTY)
        fs_remove_empty(parent, name, NULL);
    return fs_rename(&run->staging.dir, "link", parent, name, how, err);
}

static int one_step(struct dir *dir, const char *content_id, struct err *err)
{
    const struct run *run = dir->run;

    switch (dir->how.step) {
    case LAYOUT_RENAME:
        return fs_rename(&run->staging.tree, ".", &run->staging.parent,
                         layout_name(run->opt.dest), FS_RENAME_NEW, err);
    case LAYOUT_EXCHANGE:
        return fs_rename(&run->staging.tree, ".", &run->staging.parent,
                         layout_name(run->opt.dest), FS_RENAME_EXCHANGE, err);
    case LAYOUT_FLIP:
    case LAYOUT_SWAP_LINK:
        return flip(dir, content_id, err);
    case LAYOUT_REFUSE:
        break;
    }
    return err_set(err, ERR_DEFECT, "'%s': no method of publishing was chosen",
                   run->opt.dest);
}

/* Undo keep_version after a step that failed. */
static void take_version_back(struct dir *dir)
{
    const struct run_staging *staging = &dir->run->staging;
    struct fs_dir versions = { 0 };

    if (!dir->version)
        return;
    if (versions_open(&versions, &staging->parent, dir->run->opt.dest, false, NULL) == 0)
        fs_rename(&versions, dir->version, &staging->tree, ".", FS_RENAME_NEW, NULL);
    fs_dir_close(&versions);
    free(dir->version);
    dir->version = NULL;
    free(dir->before);
    dir->before = NULL;
    strbuf_clear(&dir->old_versions);
}

/* Files that appeared since DEST was looked at. */
static int refuse_foreign(const struct dir *dir, struct err *err)
{
    char doubt[DIR_DOUBT];
    const struct foreign_files files = { dir->run, &dir->manifest, &dir->existing,
                                         dir_doubt(dir, doubt) };

    return !dir->run->opt.force && (dir->manifest.file || dir->adopted)
               ? foreign_files_refuse(&files, dir->run->opt.dest, err)
               : 0;
}

/* Another run may have published meanwhile. Both trees are complete, and the
 * later one wins. */
static int take_steps(struct dir *dir, struct visibility_mark *mark, struct err *err)
{
    for (int tries = 0; tries < PUBLISH_TRIES; tries++) {
        enum layout_dest before;
        struct err failed = { 0 };

        /* Hours may have passed since the last look. */
        if (dir_refresh(dir, err) < 0 || refuse_foreign(dir, err) < 0 ||
            reuse_confirm(dir->run, dir->existing.file, err) < 0 ||
            succession_step(&dir->succession, err) < 0)
            return -1;
        witness_choose(dir, mark);
        if (one_step(dir, dir->content_id, &failed) == 0)
            return 0;
        take_version_back(dir);
        before = dir->dest;
        if (dir_refresh(dir, err) < 0)
            return -1;
        if (dir->dest == before) {
            *err = failed;
            return -1;
        }
    }
    return err_set(err, ERR_DEST, "cannot replace '%s': other runs keep changing it",
                   dir->run->opt.dest);
}

static void end_succession(struct dir *dir)
{
    const struct fs_dir *parent = &dir->run->staging.parent;
    const char *name = layout_name(dir->run->opt.dest);
    char version[FS_NAME];

    if (dir->version)
        fs_format(version, ".%s.versions/%s", name, dir->version);
    succession_end(&dir->succession, parent, dir->version ? version : name);
}

/* What a DEST without a record held is in the new tree. */
static void end_adoption(const struct dir *dir)
{
    if (dir->adopted && !dir->manifest.file)
        adopt_replaced(dir->run, dir->how.step == LAYOUT_EXCHANGE ? "tree" : "link",
                       &dir->existing, dir->identity);
}

static void sync_step(const struct run *run)
{
    struct err why = { 0 };

    if (run->opt.sync && fs_sync_path(&run->staging.parent, ".", &why) < 0)
        log_line(&run->ranks.log, LOG_WARN,
                 "'%s' is published, but a power failure may undo that: %s",
                 run->opt.dest, why.text);
}

int dir_complete(struct dir *dir, struct err *err)
{
    const struct run *run = dir->run;
    const struct record_draft record =
        record_draft(run, dir->existing.file, dir->identity);

    if (dir_trim(dir->run, dir->existing.file, err) < 0 ||
        finish_large_files(dir, err) < 0 ||
        succession_files(&dir->succession, dir->existing.file, err) < 0 ||
        record_write(&record, dir->content_id, err) < 0 ||
        leftovers_mark(run, run->opt.force, err) < 0)
        return -1;
    if (run->opt.sync && fs_sync_system(&run->staging.tree, ".", err) < 0)
        return -1;
    dir->complete = true;
    return 0;
}

static int show(struct dir *dir, struct visibility_mark *mark, struct err *err)
{
    const struct run *run = dir->run;

    /* The last moment at which a signal, on any rank, can end the run. */
    if (claim_confirm(run, err) < 0 || background_ask(&dir->run->ranks, err) < 0)
        return -1;
    return take_steps(dir, mark, err) < 0 ? err_wrap(err, "publishing") : 0;
}

int dir_commit(struct dir *dir, struct visibility_mark *mark, struct err *err)
{
    const struct run *run = dir->run;
    const struct record_draft record =
        record_draft(run, dir->existing.file, dir->identity);

    if ((!dir->complete && dir_complete(dir, err) < 0) || show(dir, mark, err) < 0)
        return -1;
    end_succession(dir);
    end_adoption(dir);
    record_show(&record);
    sync_step(run);
    return 0;
}

/* Without a record of the old tree, what this run has found in it tells. */
static bool old_is_known(const struct dir *dir)
{
    const struct foreign_files files = { .run = dir->run,
                                         .manifest = &dir->manifest,
                                         .existing = &dir->existing };
    const char *place = dir->how.step == LAYOUT_EXCHANGE    ? "tree"
                        : dir->how.step == LAYOUT_SWAP_LINK ? "link"
                                                            : NULL;

    return place && dir->adopted && !dir->recorded && dir->old_versions.len == 0 &&
           foreign_files_all_found(&files, &dir->run->staging.dir, place);
}

void dir_clean(struct dir *dir)
{
    if (old_is_known(dir))
        leftovers_mark(dir->run, true, NULL);
    if (dir->version) {
        const struct version_sweep sweep = { dir->run, dir->version, dir->before,
                                             &dir->old_versions };

        version_sweep(&sweep);
    }
    release_staging(dir->run, RELEASE_REMOVE);
}
