#include "publish/dir.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "io/sha256.h"
#include "publish/access.h"
#include "publish/commit_record.h"
#include "publish/rehearsal.h"
#include "publish/reuse.h"
#include "ranks/background.h"
#include "resume/claim.h"
#include "resume/resume.h"
#include "resume/versions.h"
#include "staging/foreign_files.h"
#include "staging/local_metadata.h"
#include "staging/record_write.h"
#include "staging/staging.h"
#include "staging/twin.h"

enum { DIR_POLL = 1000 }; /* files between two checks for signals */

static int stop_at_first(void *arg, const char *name, struct err *err)
{
    (void)name;
    (void)err;
    *(bool *)arg = false;
    return -1;
}

static int look_at_directory(struct dir *dir, struct err *err)
{
    const char *dest = dir->run->opt.dest;
    bool empty = true;

    if (record_load_dest(&dir->manifest, dest, NULL, NULL) == 0) {
        dir->dest = LAYOUT_OURS;
        return 0;
    }
    if (fs_list(NULL, dest, stop_at_first, &empty, err) < 0 && empty)
        return -1;
    dir->dest = empty ? LAYOUT_EMPTY : LAYOUT_FOREIGN;
    return 0;
}

static int look_at_link(struct dir *dir, struct err *err)
{
    const char *dest = dir->run->opt.dest;
    struct strbuf target = { 0 };

    if (fs_readlink(NULL, dest, &target, err) < 0)
        return -1;
    dir->dest = layout_is_version(dest, target.data ? target.data : "") ? LAYOUT_VERSIONED
                                                                        : LAYOUT_FOREIGN;
    strbuf_release(&target);
    /* A version without a manifest is replaced as if nothing existed. */
    if (dir->dest == LAYOUT_VERSIONED)
        record_load_dest(&dir->manifest, dest, NULL, NULL);
    return 0;
}

static int classify(struct dir *dir, struct err *err)
{
    struct fs_info info;

    if (fs_look(NULL, dir->run->opt.dest, &info, err) < 0)
        return -1;
    dir->dest = info.kind == FS_MISSING ? LAYOUT_MISSING : LAYOUT_FOREIGN;
    if (info.kind == FS_DIRECTORY)
        return look_at_directory(dir, err);
    if (info.kind == FS_SYMLINK)
        return look_at_link(dir, err);
    return 0;
}

static int identify(struct dir *dir, struct err *err)
{
    struct strbuf text = { 0 };
    uint8_t digest[32];
    int rc = plan_identity(&dir->run->plan, &text, err);

    if (rc == 0) {
        sha256_bytes(text.data ? text.data : "", text.len, digest);
        text_hex(dir->identity, digest, sizeof(digest));
    }
    strbuf_release(&text);
    return rc;
}

/* The Hub library accepts its metadata only if the file is not newer. Linked files
 * keep their mtime, so the run's mtime must not be older than any of them, whatever
 * its clock says. */
static void keep_up(struct run *run, int64_t mtime_ns)
{
    if (run->mtime < mtime_ns / 1000000000 + 1 && run->mtime * 1000000000 < mtime_ns)
        run->mtime = mtime_ns / 1000000000 + 1;
}

static int check_access(const struct dir *dir, size_t i, const struct fs_info *info,
                        struct err *err)
{
    char name[FS_NAME];

    fs_format(name, "%s/%s", dir->run->opt.dest, plan_path(&dir->run->plan, i));
    return access_check(NULL, name, info, err);
}

static int find_unchanged(struct dir *dir, struct err *err)
{
    struct run *run = dir->run;
    const struct plan *plan = &run->plan;

    for (size_t i = 0; i < plan->nfiles; i++) {
        const struct manifest_file *old =
            manifest_find(&dir->manifest, plan_path(plan, i));
        struct existing_file *known = &dir->existing.file[i];
        struct fs_info info;

        if (i % DIR_POLL == 0 && background_poll(&run->ranks, err) < 0)
            return -1;
        if (!manifest_same(old, plan, i, NULL, run->opt.dest, &info))
            continue;
        if (check_access(dir, i, &info, err) < 0)
            return -1;
        known->there = true;
        known->mtime_ns = info.mtime_ns;
        known->ctime_ns = info.ctime_ns;
        known->inode = info.inode;
        keep_up(run, old->mtime_ns);
        memcpy(known->sha256, old->sha256, 32);
        dir->existing.files++;
        dir->existing.bytes += plan->files[i].size;
    }
    dir->existing.unchanged = dir->existing.files == plan->nfiles &&
                              dir->manifest.nfiles == plan->nfiles &&
                              strcmp(dir->identity, dir->manifest.identity) == 0;
    return 0;
}

/* Both lists are sorted by path. */
static void count_dropped(struct dir *dir)
{
    const struct plan *plan = &dir->run->plan;
    size_t i = 0;

    for (size_t k = 0; k < dir->manifest.nfiles; k++) {
        const char *old = dir->manifest.file[k].path;

        while (i < plan->nfiles && strcmp(plan_path(plan, i), old) < 0)
            i++;
        if (i == plan->nfiles || strcmp(plan_path(plan, i), old) != 0)
            dir->existing.dropped++;
    }
}

int dir_look(struct dir *dir, struct run *run, struct err *err)
{
    *dir = (struct dir){ .run = run };
    dir->existing.file = calloc(run->plan.nfiles + 1, sizeof(*dir->existing.file));
    if (!dir->existing.file)
        return err_memory(err, "the list of files");
    if (identify(dir, err) < 0 || (run->opt.dest && classify(dir, err) < 0))
        return -1;
    if (!run->opt.dest)
        return 0;
    if (record_check(run, err) < 0 || find_unchanged(dir, err) < 0)
        return -1;
    count_dropped(dir);
    if (!dir->existing.unchanged && dir->dest != LAYOUT_MISSING &&
        rehearsal_look(run, dir->dest, err) < 0)
        return -1;
    if (!dir->existing.unchanged &&
        foreign_files_refuse(run, &dir->manifest, run->opt.dest, err) < 0)
        return -1;
    if (dir->dest == LAYOUT_FOREIGN && !run->opt.force) {
        const struct layout_case situation = { .dest = LAYOUT_FOREIGN };

        return err_set(err, ERR_DEST, "'%s' %s", run->opt.dest,
                       layout_choose(&situation).reason);
    }
    return 0;
}

/* All are names in the staging: if another run has taken it over, it is not
 * created again. */
static int make_tree(struct dir *dir, struct err *err)
{
    static const char metadata[] = ".cache/huggingface/download";
    const struct run *run = dir->run;
    const struct fs_dir *tree = &run->staging.tree;
    struct fs_dir below;
    int rc;

    if (staging_make_directories(run, tree, succession_directory, &dir->succession, err) <
        0)
        return -1;
    if (!local_metadata_wanted(run))
        return 0;
    if (fs_mkdirs(tree, metadata, err) < 0 ||
        fs_dir_below(&below, tree, metadata, err) < 0)
        return -1;
    rc = staging_make_directories(run, &below, NULL, NULL, err);
    fs_dir_close(&below);
    return rc;
}

/* So that the library knows offline that this is a part. */
static int write_commit_record(const struct dir *dir, struct err *err)
{
    const struct run *run = dir->run;
    const struct fs_dir *tree = &run->staging.tree;
    struct strbuf text = { 0 };
    char name[FS_NAME];
    int rc;

    if (!dir->whole || !local_metadata_wanted(run))
        return 0;
    fs_format(name, ".cache/huggingface/trees/%s.json",
              plan_text(&run->plan, run->plan.revision));
    rc = commit_record_text(dir->whole, &text, err);
    if (rc == 0)
        rc = fs_mkdir(tree, ".cache/huggingface/trees", 0777, err);
    if (rc == 0)
        rc = fs_write_all(tree, name, text.data, text.len, true, false, err);
    strbuf_release(&text);
    return rc;
}

void dir_unfind(struct dir *dir, size_t i)
{
    dir->existing.file[i].there = false;
    dir->existing.files--;
    dir->existing.bytes -= dir->run->plan.files[i].size;
    dir->existing.unchanged = false;
}

static int place_empty(const struct run *run, size_t i, struct err *err)
{
    const char *path = plan_path(&run->plan, i);

    if (fs_write_all(&run->staging.tree, path, "", 0, false, false, err) < 0 ||
        fs_set_mtime(&run->staging.tree, path, run->mtime * 1000000000, err) < 0)
        return -1;
    return local_metadata_write_file(run, (uint32_t)i, err);
}

/* Create large files, so that several ranks can open them; small ones are created by the
 * rank that fetches them. */
static int place_fresh(const struct run *run, size_t i, struct err *err)
{
    if (run->plan.files[i].size == 0)
        return place_empty(run, i, err);
    if (resume_place(run->staging.resume, (uint32_t)i))
        return 0;
    return segments_of(&run->segments, (uint32_t)i) > 1
               ? staging_place_large(run, (uint32_t)i, err)
               : 0;
}

static int place_known(struct dir *dir, const struct fs_dir *old, size_t i,
                       struct err *err)
{
    int rc = reuse_place(dir->run, old, i, &dir->existing.file[i], err);

    if (rc > 0)
        dir_unfind(dir, i);
    return rc < 0 ? -1 : 0;
}

/* Whether it is made here. What a rank makes it makes with O_EXCL. */
static bool is_placed(const struct dir *dir, size_t i)
{
    const struct run *run = dir->run;

    return dir->existing.file[i].there || run->staging.resume ||
           run->plan.files[i].size == 0 || segments_of(&run->segments, (uint32_t)i) > 1;
}

static int place_all(struct dir *dir, const struct fs_dir *old, struct err *err)
{
    struct run *run = dir->run;
    int rc = 0;

    for (size_t i = 0; i < run->plan.nfiles && rc == 0; i++) {
        if (i % DIR_POLL == 0)
            rc = background_poll(&run->ranks, err);
        if (rc == 0 && is_placed(dir, i))
            rc = twin_check_fresh(run, &run->staging.tree, plan_path(&run->plan, i), err);
        if (rc == 0 && dir->existing.file[i].there)
            rc = place_known(dir, old, i, err);
        /* missing, or existing but not reusable */
        if (rc == 0 && !dir->existing.file[i].there)
            rc = place_fresh(run, i, err);
    }
    return rc;
}

static int place_files(struct dir *dir, struct err *err)
{
    struct fs_dir old = { 0 };
    int rc = 0;

    if (dir->existing.files > 0)
        rc = fs_dir_open(&old, NULL, dir->run->opt.dest, err);
    if (rc == 0)
        rc = place_all(dir, &old, err);
    fs_dir_close(&old);
    return rc;
}

static int check_space(const struct dir *dir, struct err *err)
{
    const struct plan *plan = &dir->run->plan;
    bool copies = dir->run->opt.no_links;
    uint64_t files = plan->nfiles - (copies ? 0 : dir->existing.files);

    files = files * (local_metadata_wanted(dir->run) ? 2 : 1) + 16;
    return staging_check_space(dir->run,
                               resume_missing(dir->run->staging.resume,
                                              dir->existing.file,
                                              plan->nbytes - dir->existing.bytes) +
                                   (copies ? dir->existing.bytes : 0),
                               files, err);
}

static int choose(struct dir *dir, struct err *err)
{
    const struct run *run = dir->run;
    struct layout_case situation = { .dest = dir->dest,
                                     .versions = run->opt.versions,
                                     .force = run->opt.force };

    if (fs_can_exchange(&run->staging.dir, ".", &situation.can_exchange, err) < 0)
        return -1;
    dir->how = layout_choose(&situation);
    if (dir->how.step == LAYOUT_REFUSE)
        return err_set(err, ERR_DEST, "'%s' %s", run->opt.dest, dir->how.reason);
    return dir->how.step == LAYOUT_FLIP || dir->how.step == LAYOUT_SWAP_LINK
               ? versions_check(&run->staging.parent, run->opt.dest, err)
               : 0;
}

int dir_refresh(struct dir *dir, struct err *err)
{
    enum layout_dest before = dir->dest;

    manifest_release(&dir->manifest);
    if (classify(dir, err) < 0)
        return -1;
    return dir->dest == before ? 0 : choose(dir, err);
}

int dir_claim(struct dir *dir, struct err *err)
{
    struct run *run = dir->run;
    const char *name = layout_name(run->opt.dest);
    size_t len = (size_t)(name - run->opt.dest);
    char parent[FS_NAME], prefix[FS_NAME];

    /* Without the slash at its end, unless that is all. */
    fs_format(parent, "%.*s", (int)(len > 1 ? len - 1 : len), run->opt.dest);
    fs_format(prefix, ".%s.mpifetch-", name);
    return staging_open_parent(run, parent, err) < 0
               ? -1
               : claim_take(run, prefix, dir->identity, err);
}

int dir_build(struct dir *dir, struct err *err)
{
    struct run *run = dir->run;

    if (check_space(dir, err) < 0 || choose(dir, err) < 0 ||
        rehearsal_step(run, dir->dest, dir->how.step, err) < 0 ||
        succession_open(&dir->succession, run, dir->dest == LAYOUT_EMPTY, err) < 0 ||
        make_tree(dir, err) < 0 || local_metadata_write_fixed(run, err) < 0 ||
        write_commit_record(dir, err) < 0 || staging_check_names(run, err) < 0)
        return -1;
    return place_files(dir, err);
}

void dir_release(struct dir *dir)
{
    manifest_release(&dir->manifest);
    succession_release(&dir->succession);
    free(dir->existing.file);
    free(dir->version);
    free(dir->before);
    strbuf_release(&dir->old_versions);
    *dir = (struct dir){ 0 };
}
