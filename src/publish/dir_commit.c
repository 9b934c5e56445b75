#include "publish/dir_commit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/fs/fs.h"
#include "ranks/background.h"
#include "resume/claim.h"
#include "resume/leftovers.h"
#include "resume/release.h"
#include "resume/versions.h"
#include "staging/foreign_files.h"
#include "staging/local_metadata.h"

enum {
    PUBLISH_VERSIONS = 1000, /* of one content */
    PUBLISH_TRIES = 5        /* while other runs publish at the same DEST */
};

/* Ranks have written to large files until a moment ago, so only after all have agreed the
 * mtime is final. */
static int finish_large_files(const struct dir *dir, struct err *err)
{
    const struct run *run = dir->run;
    struct strbuf path = { 0 };
    int rc = 0;

    for (size_t i = 0; i < run->plan.nfiles && rc == 0; i++) {
        if (dir->existing.file[i].there || segments_of(&run->segments, (uint32_t)i) < 2)
            continue;
        strbuf_clear(&path);
        strbuf_addf(&path, "%s/%s", run->staging.tree, plan_path(&run->plan, i));
        rc = path.failed ? err_memory(err, "a path")
                         : fs_set_mtime(path.data, run->mtime * 1000000000, err);
        if (rc == 0)
            rc = local_metadata_write_file(run, (uint32_t)i, err);
    }
    strbuf_release(&path);
    return rc;
}

static int sync_parent(const struct run *run, struct err *err)
{
    struct strbuf parent = { 0 };
    int rc;

    if (!run->opt.sync)
        return 0;
    layout_parent(run->opt.dest, &parent);
    rc = parent.failed ? err_memory(err, "a path") : fs_sync_path(parent.data, err);
    strbuf_release(&parent);
    return rc;
}

static int note_version(void *arg, const char *name, struct err *err)
{
    struct strbuf *names = arg;

    (void)err;
    strbuf_add(names, name, strlen(name) + 1);
    return 0;
}

/* What stands in .name.versions before this run adds its own: only that may be swept away
 * afterwards, since another run may be about to point DEST at what came later. */
static int note_versions(struct dir *dir, const char *versions, struct err *err)
{
    struct strbuf target = { 0 };
    int rc;

    /* Hours may have passed since the last look. */
    if (versions_check(dir->run->opt.dest, err) < 0 ||
        fs_mkdir(versions, 0777, err) < 0 ||
        fs_list(versions, note_version, &dir->old_versions, err) < 0)
        return -1;
    if (dir->dest == LAYOUT_VERSIONED &&
        fs_readlink(dir->run->opt.dest, &target, NULL) == 0 && target.data &&
        layout_is_version(dir->run->opt.dest, target.data))
        dir->before = strdup(strrchr(target.data, '/') + 1);
    rc = dir->old_versions.failed ? err_memory(err, "the list of versions") : 0;
    strbuf_release(&target);
    return rc;
}

/* staging/link, to the version that the last part of path names. */
static int make_link(const struct run *run, const char *path, struct strbuf *link,
                     struct err *err)
{
    struct strbuf target = { 0 };
    int rc = -1;

    strbuf_addf(&target, ".%s.versions%s", layout_name(run->opt.dest),
                strrchr(path, '/'));
    strbuf_clear(link);
    strbuf_addf(link, "%s/link", run->staging.path);
    if (target.failed || link->failed)
        err_memory(err, "a path");
    else if (fs_unlink(link->data, err) == 0) /* of a try before */
        rc = fs_symlink(target.data, link->data, err);
    strbuf_release(&target);
    return rc;
}

/* The tree becomes .name.versions/<id>, or <id>.1 and so on where the same content was
 * published before: what stands there may be in use, and may be damaged. The symlink is
 * there first, so that it tells where a run that was killed had put its tree
 * (resume/leftovers.h). */
static int keep_version(struct dir *dir, const char *content_id, struct strbuf *link,
                        struct err *err)
{
    const struct run *run = dir->run;
    struct strbuf versions = { 0 }, path = { 0 };
    int rc = -1;

    layout_versions(run->opt.dest, &versions);
    if (versions.failed || note_versions(dir, versions.data, err) < 0)
        goto out;
    for (unsigned n = 0; rc < 0 && n < PUBLISH_VERSIONS; n++) {
        strbuf_clear(&path);
        strbuf_addf(&path, n ? "%s/%s.%u" : "%s/%s", versions.data, content_id, n);
        if (path.failed || make_link(run, path.data, link, err) < 0)
            break;
        rc = fs_rename(run->staging.tree, path.data, FS_RENAME_NEW, NULL);
        if (rc < 0 && errno != EEXIST && errno != ENOTEMPTY)
            break;
    }
    if (rc < 0 && !path.failed && err->code == ERR_NONE)
        fs_rename(run->staging.tree, path.data, FS_RENAME_NEW, err);
    else if (rc == 0)
        dir->version = strdup(strrchr(path.data, '/') + 1);
    if (rc == 0 && run->opt.sync)
        rc = fs_sync_path(versions.data, err);
out:
    if (rc < 0 || !dir->version)
        rc = err_memory(err, "a version");
    strbuf_release(&versions);
    strbuf_release(&path);
    return rc;
}

static int flip(struct dir *dir, const char *content_id, struct err *err)
{
    const struct run *run = dir->run;
    enum fs_rename how = dir->how.step == LAYOUT_SWAP_LINK ? FS_RENAME_EXCHANGE
                         : dir->dest == LAYOUT_VERSIONED   ? FS_RENAME_REPLACE
                                                           : FS_RENAME_NEW;
    struct strbuf link = { 0 };
    int rc = keep_version(dir, content_id, &link, err);

    /* A symlink cannot be renamed over a directory; an empty one is nothing that a reader
     * could lose. */
    if (rc == 0 && dir->dest == LAYOUT_EMPTY)
        fs_remove_empty(run->opt.dest, NULL);
    if (rc == 0)
        rc = fs_rename(link.data, run->opt.dest, how, err);
    strbuf_release(&link);
    return rc;
}

static int one_step(struct dir *dir, const char *content_id, struct err *err)
{
    const struct run *run = dir->run;

    switch (dir->how.step) {
    case LAYOUT_RENAME:
        return fs_rename(run->staging.tree, run->opt.dest, FS_RENAME_NEW, err);
    case LAYOUT_EXCHANGE:
        return fs_rename(run->staging.tree, run->opt.dest, FS_RENAME_EXCHANGE, err);
    case LAYOUT_FLIP:
    case LAYOUT_SWAP_LINK:
        return flip(dir, content_id, err);
    case LAYOUT_REFUSE:
        break;
    }
    return err_set(err, ERR_DEFECT, "'%s': no method of publishing was chosen",
                   run->opt.dest);
}

/* A step that failed after the tree had become a version: as it was before. */
static void take_version_back(struct dir *dir)
{
    struct strbuf path = { 0 };

    if (!dir->version)
        return;
    layout_versions(dir->run->opt.dest, &path);
    strbuf_addf(&path, "/%s", dir->version);
    if (!path.failed && versions_check(dir->run->opt.dest, NULL) == 0)
        fs_rename(path.data, dir->run->staging.tree, FS_RENAME_NEW, NULL);
    strbuf_release(&path);
    free(dir->version);
    dir->version = NULL;
    free(dir->before);
    dir->before = NULL;
    strbuf_clear(&dir->old_versions);
}

/* Another run may have published meanwhile. Both are whole, and the later one wins. */
static int take_steps(struct dir *dir, struct visibility_mark *mark, struct err *err)
{
    for (int tries = 0; tries < PUBLISH_TRIES; tries++) {
        enum layout_dest before;
        struct err failed = { 0 };

        /* Hours may have passed since the last look. */
        if (dir_refresh(dir, err) < 0 ||
            foreign_files_refuse(dir->run, &dir->record, dir->run->opt.dest, err) < 0)
            return -1;
        memcpy(mark->before, dir->record.content_id, sizeof(mark->before));
        if (one_step(dir, mark->present, &failed) == 0)
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

int dir_commit(struct dir *dir, struct visibility_mark *mark, struct err *err)
{
    const struct run *run = dir->run;

    if (finish_large_files(dir, err) < 0 ||
        manifest_write(run, dir->existing.file, dir->identity, mark->present, err) < 0)
        return -1;
    if (leftovers_mark(run, err) < 0 ||
        (run->opt.sync && fs_sync_system(run->staging.tree, err) < 0))
        return -1;
    /* The last moment at which a signal, here or elsewhere, can still end the run. */
    if (claim_confirm(run, err) < 0 || background_ask(&dir->run->ranks, err) < 0)
        return -1;
    if (take_steps(dir, mark, err) < 0)
        return err_wrap(err, "publishing");
    sync_parent(run, NULL);
    return 0;
}

/* Into staging, with which it goes: a version that is removed where it stands would be
 * left without its manifest by a kill, and then be nobody's. */
static void sweep_version(const struct run *run, const char *name, unsigned number)
{
    struct strbuf path = { 0 }, to = { 0 };

    layout_versions(run->opt.dest, &path);
    strbuf_addf(&path, "/%s", name);
    strbuf_addf(&to, "%s/swept-%u", run->staging.path, number);
    if (!path.failed && !to.failed && !leftovers_may_be_shown(run->opt.dest, path.data))
        versions_move(run->opt.dest, name, to.data);
    strbuf_release(&path);
    strbuf_release(&to);
}

/* Of the versions that were there before, the one that DEST pointed to stays: a job may
 * be reading it. What DEST points to at this moment is somebody's newest. */
static void sweep_versions(const struct dir *dir)
{
    struct strbuf present = { 0 };
    unsigned number = 0;
    size_t at = 0;

    fs_readlink(dir->run->opt.dest, &present, NULL);
    while (at < dir->old_versions.len) {
        const char *name = dir->old_versions.data + at;
        const char *now = present.data ? strrchr(present.data, '/') : NULL;

        at += strlen(name) + 1;
        if ((dir->before && strcmp(name, dir->before) == 0) ||
            strcmp(name, dir->version) == 0 || (now && strcmp(name, now + 1) == 0))
            continue;
        sweep_version(dir->run, name, ++number);
    }
    strbuf_release(&present);
}

void dir_clean(struct dir *dir)
{
    if (dir->version)
        sweep_versions(dir);
    release_staging(dir->run, RELEASE_REMOVE);
}
