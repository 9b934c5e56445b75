#include "phase/stage.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/fs.h"
#include "io/sha256.h"
#include "phase/hubmeta.h"

/* A small file takes a block on most file systems, and a record in the manifest. */
enum { STAGE_FILE_COST = 4096 };

static int stop_at_first(void *arg, const char *name, struct err *err)
{
    (void)name;
    (void)err;
    *(bool *)arg = false;
    return -1;
}

static int look_at_directory(struct stage *stage, struct err *err)
{
    const char *dest = stage->run->opt.dest;
    bool empty = true;

    if (record_load(&stage->record, dest, NULL) == 0) {
        stage->dest = LAYOUT_OURS;
        return 0;
    }
    if (fs_list(dest, stop_at_first, &empty, err) < 0 && empty)
        return -1;
    stage->dest = empty ? LAYOUT_EMPTY : LAYOUT_FOREIGN;
    return 0;
}

static int look_at_link(struct stage *stage, struct err *err)
{
    const char *dest = stage->run->opt.dest;
    struct strbuf target = { 0 };

    if (fs_readlink(dest, &target, err) < 0)
        return -1;
    stage->dest = layout_is_version(dest, target.data ? target.data : "")
                      ? LAYOUT_VERSIONED
                      : LAYOUT_FOREIGN;
    strbuf_release(&target);
    /* A version whose manifest is gone is replaced whole, as if nothing were there. */
    if (stage->dest == LAYOUT_VERSIONED)
        record_load(&stage->record, dest, NULL);
    return 0;
}

static int classify(struct stage *stage, struct err *err)
{
    struct fs_info info;

    if (fs_look(stage->run->opt.dest, &info, err) < 0)
        return -1;
    stage->dest = info.kind == FS_MISSING ? LAYOUT_MISSING : LAYOUT_FOREIGN;
    if (info.kind == FS_DIRECTORY)
        return look_at_directory(stage, err);
    if (info.kind == FS_SYMLINK)
        return look_at_link(stage, err);
    return 0;
}

static int identify(struct stage *stage, struct err *err)
{
    struct strbuf text = { 0 };
    uint8_t digest[32];
    int rc = plan_identity(&stage->run->plan, &text, err);

    if (rc == 0) {
        sha256_bytes(text.data ? text.data : "", text.len, digest);
        text_hex(stage->identity, digest, sizeof(digest));
    }
    strbuf_release(&text);
    return rc;
}

static void find_unchanged(struct stage *stage)
{
    const struct plan *plan = &stage->run->plan;

    for (size_t i = 0; i < plan->nfiles; i++) {
        const struct record_file *old = record_find(&stage->record, plan_path(plan, i));

        if (!record_same(old, plan, i, stage->run->opt.dest))
            continue;
        stage->known[i].there = true;
        stage->known[i].mtime_ns = old->mtime_ns;
        memcpy(stage->known[i].sha256, old->sha256, 32);
        stage->there_files++;
        stage->there_bytes += plan->files[i].size;
    }
    stage->unchanged = stage->there_files == plan->nfiles &&
                       stage->record.nfiles == plan->nfiles &&
                       strcmp(stage->identity, stage->record.identity) == 0;
}

/* A file in a published tree that no run put there is somebody's work. */
static int is_stranger(void *arg, const char *path, const struct fs_info *info,
                       struct err *err)
{
    const struct stage *stage = arg;

    (void)info;
    if (text_starts(path, ".mpifetch/") || text_starts(path, ".cache/huggingface/") ||
        record_find(&stage->record, path))
        return 0;
    return err_set(
        err, ERR_DEST,
        "'%s' holds '%s', which mpifetch did not put there and an update would "
        "remove: move it away, or say --force",
        stage->run->opt.dest, path);
}

int stage_strangers(struct stage *stage, const char *tree, struct err *err)
{
    struct strbuf dir = { 0 };
    int rc;

    if (!stage->record.file || stage->run->opt.force)
        return 0;
    /* With the slash a symlink is followed: DEST may be one. */
    strbuf_addf(&dir, "%s/", tree);
    rc = dir.failed ? err_memory(err, "a path")
                    : fs_walk(dir.data, is_stranger, stage, err);
    if (rc < 0 && err->code == ERR_SOURCE)
        err->code = ERR_DEST;
    strbuf_release(&dir);
    return rc;
}

/* Both lists are sorted by path. */
static void count_dropped(struct stage *stage)
{
    const struct plan *plan = &stage->run->plan;
    size_t i = 0;

    for (size_t k = 0; k < stage->record.nfiles; k++) {
        const char *old = stage->record.file[k].path;

        while (i < plan->nfiles && strcmp(plan_path(plan, i), old) < 0)
            i++;
        if (i == plan->nfiles || strcmp(plan_path(plan, i), old) != 0)
            stage->dropped_files++;
    }
}

int stage_look(struct stage *stage, struct run *run, struct err *err)
{
    *stage = (struct stage){ .run = run };
    stage->known = calloc(run->plan.nfiles + 1, sizeof(*stage->known));
    if (!stage->known)
        return err_memory(err, "the list of files");
    if (identify(stage, err) < 0 || (run->opt.dest && classify(stage, err) < 0))
        return -1;
    if (!run->opt.dest)
        return 0;
    find_unchanged(stage);
    count_dropped(stage);
    if (!stage->unchanged && stage_strangers(stage, run->opt.dest, err) < 0)
        return -1;
    if (stage->dest == LAYOUT_FOREIGN && !run->opt.force) {
        const struct layout_case situation = { .dest = LAYOUT_FOREIGN };

        return err_set(err, ERR_DEST, "'%s' %s", run->opt.dest,
                       layout_choose(&situation).reason);
    }
    return 0;
}

/* Each directory of the plan once: files are sorted, so a directory that the path before
 * had as well needs no second mkdir. */
static int make_directories(const struct run *run, const char *below, struct err *err)
{
    const char *before = "";
    struct strbuf path = { 0 };
    int rc = 0;

    for (size_t i = 0; i < run->plan.nfiles && rc == 0; i++) {
        const char *file = plan_path(&run->plan, i);
        size_t same = 0;

        while (file[same] && file[same] == before[same])
            same++;
        for (const char *slash = strchr(file, '/'); slash && rc == 0;
             slash = strchr(slash + 1, '/')) {
            size_t len = (size_t)(slash - file);

            if (len < same)
                continue;
            strbuf_clear(&path);
            strbuf_addf(&path, "%s/%s%.*s", run->tree, below, (int)len, file);
            rc = path.failed ? err_memory(err, "a path") : fs_mkdir(path.data, 0777, err);
        }
        before = file;
    }
    strbuf_release(&path);
    return rc;
}

static int make_named(const struct run *run, const char *name, struct err *err)
{
    struct strbuf path = { 0 };
    int rc;

    strbuf_addf(&path, "%s/%s", run->tree, name);
    rc = path.failed ? err_memory(err, "a path") : fs_mkdirs(path.data, err);
    strbuf_release(&path);
    return rc;
}

static int make_tree(struct run *run, struct err *err)
{
    if (fs_mkdir(run->tree, 0777, err) < 0 || fs_mkdir(run->spare, 0700, err) < 0 ||
        make_named(run, ".mpifetch", err) < 0 || make_directories(run, "", err) < 0)
        return -1;
    if (!hubmeta_wanted(run))
        return 0;
    if (make_named(run, ".cache/huggingface/download", err) < 0)
        return -1;
    return make_directories(run, ".cache/huggingface/download/", err);
}

/* A linked file keeps its inode, so whoever has the old tree open notices nothing. */
static int place_known(struct stage *stage, size_t i, const char *path, struct err *err)
{
    struct run *run = stage->run;
    struct strbuf old = { 0 };
    int rc;

    strbuf_addf(&old, "%s/%s", run->opt.dest, plan_path(&run->plan, i));
    rc = old.failed ? err_memory(err, "a path") : fs_link(old.data, path, NULL);
    strbuf_release(&old);
    if (rc < 0) {
        /* No hard links here: it is fetched again. */
        stage->known[i].there = false;
        stage->there_files--;
        stage->there_bytes -= run->plan.files[i].size;
        return 0;
    }
    return hubmeta_write_file(run, (uint32_t)i, err);
}

static int place_empty(struct stage *stage, size_t i, const char *path, struct err *err)
{
    const struct run *run = stage->run;

    if (fs_write_all(path, "", 0, false, false, err) < 0 ||
        fs_set_mtime(path, run->stamp * 1000000000, err) < 0)
        return -1;
    return hubmeta_write_file(run, (uint32_t)i, err);
}

/* Large files are made here, so that several ranks can open them; small ones are made by
 * the rank that fetches them. */
static int place_large(const char *path, uint64_t size, struct err *err)
{
    int fd = fs_open_write(path, err);
    int rc = fd < 0 ? -1 : fs_set_size(fd, path, size, err);

    if (fd >= 0 && fs_close(fd, path, rc < 0 ? NULL : err) < 0)
        rc = -1;
    return rc;
}

static int place_fresh(struct stage *stage, size_t i, const char *path, struct err *err)
{
    const struct run *run = stage->run;
    uint64_t size = run->plan.files[i].size;

    if (size == 0)
        return place_empty(stage, i, path, err);
    return segments_of(&run->segments, (uint32_t)i) > 1 ? place_large(path, size, err)
                                                        : 0;
}

static int place_files(struct stage *stage, struct err *err)
{
    const struct run *run = stage->run;
    struct strbuf path = { 0 };
    int rc = 0;

    for (size_t i = 0; i < run->plan.nfiles && rc == 0; i++) {
        strbuf_clear(&path);
        strbuf_addf(&path, "%s/%s", run->tree, plan_path(&run->plan, i));
        if (path.failed)
            rc = err_memory(err, "a path");
        else if (stage->known[i].there)
            rc = place_known(stage, i, path.data, err);
        /* not there, or there and without a link */
        if (rc == 0 && !stage->known[i].there)
            rc = place_fresh(stage, i, path.data, err);
    }
    strbuf_release(&path);
    return rc;
}

static int check_space(const struct stage *stage, const char *parent, struct err *err)
{
    const struct plan *plan = &stage->run->plan;
    uint64_t files = plan->nfiles - stage->there_files;
    uint64_t inodes = files * (hubmeta_wanted(stage->run) ? 2 : 1) + 16;
    uint64_t bytes = plan->nbytes - stage->there_bytes + inodes * STAGE_FILE_COST;
    struct fs_space space;
    char need[32], have[32];

    if (fs_space(parent, &space, err) < 0)
        return -1;
    if (space.bytes < bytes)
        return err_set(err, ERR_DEST,
                       "'%s' has %s free, and %s are needed for '%s': make room", parent,
                       text_bytes(have, sizeof(have), space.bytes),
                       text_bytes(need, sizeof(need), bytes), stage->run->opt.dest);
    if (space.inodes < inodes)
        return err_set(
            err, ERR_DEST,
            "'%s' has %llu inodes free, and %llu are needed for '%s': make room", parent,
            (unsigned long long)space.inodes, (unsigned long long)inodes,
            stage->run->opt.dest);
    return 0;
}

static char *joined(const char *dir, const char *name)
{
    struct strbuf path = { 0 };

    strbuf_addf(&path, "%s/%s", dir, name);
    return strbuf_steal(&path);
}

static int make_staging(struct stage *stage, const char *parent, struct err *err)
{
    struct run *run = stage->run;
    struct strbuf prefix = { 0 }, path = { 0 };
    int rc = -1;

    layout_staging_prefix(run->opt.dest, &prefix);
    if (prefix.failed)
        err_memory(err, "a path");
    else
        rc = fs_private_dir(parent, prefix.data, &path, err);
    strbuf_release(&prefix);
    if (rc < 0) {
        strbuf_release(&path);
        return -1;
    }
    run->staging = strbuf_steal(&path);
    if (!run->staging)
        return err_memory(err, "a path");
    run->tree = joined(run->staging, "tree");
    run->spare = joined(run->staging, "spare");
    return run->tree && run->spare ? 0 : err_memory(err, "a path");
}

static int choose(struct stage *stage, struct err *err)
{
    const struct run *run = stage->run;
    struct layout_case situation = { .dest = stage->dest,
                                     .versions = run->opt.versions,
                                     .force = run->opt.force };

    if (fs_can_exchange(run->staging, &situation.can_exchange, err) < 0)
        return -1;
    stage->how = layout_choose(&situation);
    if (stage->how.step == LAYOUT_REFUSE)
        return err_set(err, ERR_DEST, "'%s' %s", run->opt.dest, stage->how.reason);
    return 0;
}

int stage_refresh(struct stage *stage, struct err *err)
{
    enum layout_dest before = stage->dest;

    record_release(&stage->record);
    if (classify(stage, err) < 0)
        return -1;
    return stage->dest == before ? 0 : choose(stage, err);
}

int stage_build(struct stage *stage, struct err *err)
{
    struct run *run = stage->run;
    struct strbuf parent = { 0 };
    int rc = -1;

    layout_parent(run->opt.dest, &parent);
    if (parent.failed) {
        err_memory(err, "a path");
        goto out;
    }
    if (fs_mkdirs(parent.data, err) < 0 || check_space(stage, parent.data, err) < 0 ||
        make_staging(stage, parent.data, err) < 0)
        goto out;
    if (choose(stage, err) < 0 || make_tree(run, err) < 0 ||
        hubmeta_write_fixed(run, err) < 0)
        goto out;
    rc = place_files(stage, err);
out:
    strbuf_release(&parent);
    return rc;
}

void stage_discard(struct run *run)
{
    if (run->rank == 0 && run->staging)
        fs_remove_tree(run->staging, NULL);
}

void stage_release(struct stage *stage)
{
    record_release(&stage->record);
    free(stage->known);
    free(stage->version);
    free(stage->before);
    strbuf_release(&stage->old_versions);
    *stage = (struct stage){ 0 };
}
