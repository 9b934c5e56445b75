#include "phase/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/fs.h"
#include "phase/custody.h"
#include "phase/hubmeta.h"
#include "phase/remains.h"
#include "phase/strangers.h"
#include "phase/versions.h"

enum {
    PUBLISH_VERSIONS = 1000, /* of one content */
    PUBLISH_TRIES = 5        /* while other runs publish at the same DEST */
};

/* Ranks have written to large files until a moment ago, so only after all have agreed the
 * mtime is final. */
static int finish_large_files(const struct stage *stage, struct err *err)
{
    const struct run *run = stage->run;
    struct strbuf path = { 0 };
    int rc = 0;

    for (size_t i = 0; i < run->plan.nfiles && rc == 0; i++) {
        if (stage->have.known[i].there || segments_of(&run->segments, (uint32_t)i) < 2)
            continue;
        strbuf_clear(&path);
        strbuf_addf(&path, "%s/%s", run->tree, plan_path(&run->plan, i));
        rc = path.failed ? err_memory(err, "a path")
                         : fs_set_mtime(path.data, run->stamp * 1000000000, err);
        if (rc == 0)
            rc = hubmeta_write_file(run, (uint32_t)i, err);
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
static int note_versions(struct stage *stage, const char *versions, struct err *err)
{
    struct strbuf target = { 0 };
    int rc;

    /* Hours may have passed since the last look. */
    if (versions_check(stage->run->opt.dest, err) < 0 ||
        fs_mkdir(versions, 0777, err) < 0 ||
        fs_list(versions, note_version, &stage->old_versions, err) < 0)
        return -1;
    if (stage->dest == LAYOUT_VERSIONED &&
        fs_readlink(stage->run->opt.dest, &target, NULL) == 0 && target.data &&
        layout_is_version(stage->run->opt.dest, target.data))
        stage->before = strdup(strrchr(target.data, '/') + 1);
    rc = stage->old_versions.failed ? err_memory(err, "the list of versions") : 0;
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
    strbuf_addf(link, "%s/link", run->staging);
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
 * (phase/remains.h). */
static int keep_version(struct stage *stage, const char *content_id, struct strbuf *link,
                        struct err *err)
{
    const struct run *run = stage->run;
    struct strbuf versions = { 0 }, path = { 0 };
    int rc = -1;

    layout_versions(run->opt.dest, &versions);
    if (versions.failed || note_versions(stage, versions.data, err) < 0)
        goto out;
    for (unsigned n = 0; rc < 0 && n < PUBLISH_VERSIONS; n++) {
        strbuf_clear(&path);
        strbuf_addf(&path, n ? "%s/%s.%u" : "%s/%s", versions.data, content_id, n);
        if (path.failed || make_link(run, path.data, link, err) < 0)
            break;
        rc = fs_rename(run->tree, path.data, FS_RENAME_NEW, NULL);
        if (rc < 0 && errno != EEXIST && errno != ENOTEMPTY)
            break;
    }
    if (rc < 0 && !path.failed && err->code == ERR_NONE)
        fs_rename(run->tree, path.data, FS_RENAME_NEW, err);
    else if (rc == 0)
        stage->version = strdup(strrchr(path.data, '/') + 1);
    if (rc == 0 && run->opt.sync)
        rc = fs_sync_path(versions.data, err);
out:
    if (rc < 0 || !stage->version)
        rc = err_memory(err, "a version");
    strbuf_release(&versions);
    strbuf_release(&path);
    return rc;
}

static int flip(struct stage *stage, const char *content_id, struct err *err)
{
    const struct run *run = stage->run;
    enum fs_rename how = stage->how.step == LAYOUT_SWAP_LINK ? FS_RENAME_EXCHANGE
                         : stage->dest == LAYOUT_VERSIONED   ? FS_RENAME_REPLACE
                                                             : FS_RENAME_NEW;
    struct strbuf link = { 0 };
    int rc = keep_version(stage, content_id, &link, err);

    /* A symlink cannot be renamed over a directory; an empty one is nothing that a reader
     * could lose. */
    if (rc == 0 && stage->dest == LAYOUT_EMPTY)
        fs_remove_empty(run->opt.dest, NULL);
    if (rc == 0)
        rc = fs_rename(link.data, run->opt.dest, how, err);
    strbuf_release(&link);
    return rc;
}

static int one_step(struct stage *stage, const char *content_id, struct err *err)
{
    const struct run *run = stage->run;

    switch (stage->how.step) {
    case LAYOUT_RENAME:
        return fs_rename(run->tree, run->opt.dest, FS_RENAME_NEW, err);
    case LAYOUT_EXCHANGE:
        return fs_rename(run->tree, run->opt.dest, FS_RENAME_EXCHANGE, err);
    case LAYOUT_FLIP:
    case LAYOUT_SWAP_LINK:
        return flip(stage, content_id, err);
    case LAYOUT_REFUSE:
        break;
    }
    return err_set(err, ERR_DEFECT, "'%s': no way to publish was chosen", run->opt.dest);
}

/* A step that failed after the tree had become a version: as it was before. */
static void take_version_back(struct stage *stage)
{
    struct strbuf path = { 0 };

    if (!stage->version)
        return;
    layout_versions(stage->run->opt.dest, &path);
    strbuf_addf(&path, "/%s", stage->version);
    if (!path.failed && versions_check(stage->run->opt.dest, NULL) == 0)
        fs_rename(path.data, stage->run->tree, FS_RENAME_NEW, NULL);
    strbuf_release(&path);
    free(stage->version);
    stage->version = NULL;
    free(stage->before);
    stage->before = NULL;
    strbuf_clear(&stage->old_versions);
}

/* Another run may have published meanwhile. Both are whole, and the later one wins. */
static int take_steps(struct stage *stage, struct seen_mark *mark, struct err *err)
{
    for (int tries = 0; tries < PUBLISH_TRIES; tries++) {
        enum layout_dest before;
        struct err failed = { 0 };

        /* Hours may have passed since the last look. */
        if (stage_refresh(stage, err) < 0 ||
            strangers_refuse(stage->run, &stage->record, stage->run->opt.dest, err) < 0)
            return -1;
        memcpy(mark->before, stage->record.content_id, sizeof(mark->before));
        if (one_step(stage, mark->present, &failed) == 0)
            return 0;
        take_version_back(stage);
        before = stage->dest;
        if (stage_refresh(stage, err) < 0)
            return -1;
        if (stage->dest == before) {
            *err = failed;
            return -1;
        }
    }
    return err_set(err, ERR_DEST, "'%s' changes faster than it can be replaced",
                   stage->run->opt.dest);
}

int publish_commit(struct stage *stage, struct seen_mark *mark, struct err *err)
{
    const struct run *run = stage->run;

    if (finish_large_files(stage, err) < 0 ||
        record_write(run, stage->have.known, stage->identity, mark->present, err) < 0)
        return -1;
    if (remains_mark(run, err) < 0 ||
        (run->opt.sync && fs_sync_system(run->tree, err) < 0))
        return -1;
    /* The last moment at which a signal, here or elsewhere, can still end the run. */
    if (custody_confirm(run, err) < 0 || agree_ask(stage->run, err) < 0)
        return -1;
    if (take_steps(stage, mark, err) < 0)
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
    strbuf_addf(&to, "%s/swept-%u", run->staging, number);
    if (!path.failed && !to.failed && !remains_may_be_shown(run->opt.dest, path.data))
        versions_move(run->opt.dest, name, to.data);
    strbuf_release(&path);
    strbuf_release(&to);
}

/* Of the versions that were there before, the one that DEST pointed to stays: a job may
 * be reading it. What DEST points to at this moment is somebody's newest. */
static void sweep_versions(const struct stage *stage)
{
    struct strbuf present = { 0 };
    unsigned number = 0;
    size_t at = 0;

    fs_readlink(stage->run->opt.dest, &present, NULL);
    while (at < stage->old_versions.len) {
        const char *name = stage->old_versions.data + at;
        const char *now = present.data ? strrchr(present.data, '/') : NULL;

        at += strlen(name) + 1;
        if ((stage->before && strcmp(name, stage->before) == 0) ||
            strcmp(name, stage->version) == 0 || (now && strcmp(name, now + 1) == 0))
            continue;
        sweep_version(stage->run, name, ++number);
    }
    strbuf_release(&present);
}

void publish_clean(struct stage *stage)
{
    if (stage->version)
        sweep_versions(stage);
    custody_leave(stage->run, CUSTODY_REMOVE);
}
