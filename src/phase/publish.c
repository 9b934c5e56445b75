#include "phase/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "io/fs.h"
#include "phase/hubmeta.h"

static const double PUBLISH_LOOK = 30; /* seconds */

/* Ranks have written to large files until a moment ago, so only after all have agreed the
 * mtime is final. */
static int finish_large_files(const struct stage *stage, struct err *err)
{
    const struct run *run = stage->run;
    struct strbuf path = { 0 };
    int rc = 0;

    for (size_t i = 0; i < run->plan.nfiles && rc == 0; i++) {
        if (stage->known[i].there || segments_of(&run->segments, (uint32_t)i) < 2)
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

/* The tree becomes .name.versions/<id>; the same content may be there from an earlier
 * run. */
static int keep_version(const struct run *run, const char *content_id, struct err *err)
{
    struct strbuf versions = { 0 }, path = { 0 };
    struct fs_info info;
    int rc = -1;

    layout_versions(run->opt.dest, &versions);
    strbuf_addf(&path, "%s/%s", versions.data ? versions.data : "", content_id);
    if (versions.failed || path.failed) {
        err_memory(err, "a path");
        goto out;
    }
    if (fs_mkdir(versions.data, 0777, err) < 0 || fs_look(path.data, &info, err) < 0)
        goto out;
    if (info.kind == FS_MISSING)
        rc = fs_rename(run->tree, path.data, FS_RENAME_NEW, err);
    else if ((rc = fs_rename(run->tree, path.data, FS_RENAME_EXCHANGE, NULL)) < 0)
        rc = 0; /* no exchange here: what stands there has the same content */
    if (rc == 0 && run->opt.sync)
        rc = fs_sync_path(versions.data, err);
out:
    strbuf_release(&versions);
    strbuf_release(&path);
    return rc;
}

static int flip(const struct stage *stage, const char *content_id, struct err *err)
{
    const struct run *run = stage->run;
    enum fs_rename how =
        stage->how.step == LAYOUT_SWAP_LINK ? FS_RENAME_EXCHANGE : FS_RENAME_REPLACE;
    struct strbuf target = { 0 }, link = { 0 };
    int rc = -1;

    strbuf_addf(&target, ".%s.versions/%s", layout_name(run->opt.dest), content_id);
    strbuf_addf(&link, "%s/link", run->staging);
    if (target.failed || link.failed) {
        err_memory(err, "a path");
        goto out;
    }
    if (keep_version(run, content_id, err) < 0 ||
        fs_symlink(target.data, link.data, err) < 0)
        goto out;
    /* A symlink cannot be renamed over a directory; an empty one is nothing that a reader
     * could lose. */
    if (stage->dest == LAYOUT_EMPTY)
        fs_remove_empty(run->opt.dest, NULL);
    rc = fs_rename(link.data, run->opt.dest, how, err);
out:
    strbuf_release(&target);
    strbuf_release(&link);
    return rc;
}

static int one_step(const struct stage *stage, const char *content_id, struct err *err)
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

int publish_commit(struct stage *stage, char *content_id, struct err *err)
{
    const struct run *run = stage->run;

    if (finish_large_files(stage, err) < 0 ||
        record_write(run, stage->known, stage->identity, content_id, err) < 0)
        return -1;
    if (run->opt.sync && fs_sync_system(run->tree, err) < 0)
        return -1;
    if (one_step(stage, content_id, err) < 0)
        return err_wrap(err, "publishing");
    /* It is visible: from here on nothing may be called a failure. */
    sync_parent(run, NULL);
    return 0;
}

bool publish_seen(const struct run *run, const char *content_id)
{
    double until = clock_now() + PUBLISH_LOOK;
    char seen[65];

    if (!comm_node_first(run->comm))
        return true;
    for (double pause = 0.001;; pause = pause < 0.5 ? 2 * pause : pause) {
        if (record_peek(run->opt.dest, seen) && strcmp(seen, content_id) == 0)
            return true;
        if (clock_now() > until || run->interrupted(run->interrupted_arg))
            return false;
        fs_refresh(run->opt.dest);
        clock_sleep(pause);
    }
}

struct sweep {
    const char *versions, *keep[2];
};

static int remove_version(void *arg, const char *name, struct err *err)
{
    const struct sweep *sweep = arg;
    struct strbuf path = { 0 };

    (void)err;
    if (strcmp(name, sweep->keep[0]) == 0 || strcmp(name, sweep->keep[1]) == 0)
        return 0;
    strbuf_addf(&path, "%s/%s", sweep->versions, name);
    if (!path.failed)
        fs_remove_tree(path.data, NULL);
    strbuf_release(&path);
    return 0;
}

void publish_clean(struct stage *stage, const char *content_id)
{
    const struct run *run = stage->run;
    struct strbuf versions = { 0 };
    struct sweep sweep = { .keep = { content_id, stage->record.content_id } };

    layout_versions(run->opt.dest, &versions);
    if (!versions.failed &&
        (stage->how.step == LAYOUT_FLIP || stage->how.step == LAYOUT_SWAP_LINK)) {
        sweep.versions = versions.data;
        fs_list(versions.data, remove_version, &sweep, NULL);
    }
    strbuf_release(&versions);
    fs_remove_tree(run->staging, NULL);
}
