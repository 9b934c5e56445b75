#include "publish/dir.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "publish/commit_record.h"
#include "publish/dir_look.h"
#include "publish/foresight.h"
#include "publish/rehearsal.h"
#include "publish/reuse.h"
#include "ranks/background.h"
#include "ranks/wants.h"
#include "resume/claim.h"
#include "resume/resume.h"
#include "resume/versions.h"
#include "staging/local_metadata.h"
#include "staging/staging.h"
#include "staging/striping.h"
#include "staging/twin.h"

enum { DIR_POLL = 1000 }; /* files between two checks for signals */

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
    if (!wants_file(dir->run, i))
        return;
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
static int place_fresh(struct striping *striping, size_t i, struct err *err)
{
    const struct run *run = striping->run;
    bool wanted = wants_file(run, i);

    if (wanted && run->plan.files[i].size == 0)
        return place_empty(run, i, err);
    if (resume_place(run->staging.resume, (uint32_t)i) || !wanted)
        return 0;
    striping_make(striping, (uint32_t)i);
    return segments_of(&run->segments, (uint32_t)i) > 1
               ? staging_place_large(run, (uint32_t)i, err)
               : 0;
}

/* What is only for other nodes is not worth a copy. */
static int place_known(struct dir *dir, const struct fs_dir *old, size_t i,
                       struct err *err)
{
    int rc = dir->run->opt.no_links && !wants_file(dir->run, i)
                 ? 1
                 : reuse_place(dir->run, old, i, &dir->existing.file[i], err);

    if (rc > 0)
        dir_unfind(dir, i);
    return rc < 0 ? -1 : 0;
}

/* Whether it is made here. What a rank makes it makes with O_EXCL. */
static bool is_placed(const struct dir *dir, const struct striping *striping, size_t i)
{
    const struct run *run = dir->run;

    return dir->existing.file[i].there ||
           resume_touches(run->staging.resume, (uint32_t)i) ||
           run->plan.files[i].size == 0 || segments_of(&run->segments, (uint32_t)i) > 1 ||
           striping_count(striping, (uint32_t)i) > 0;
}

static int place_all(struct dir *dir, const struct fs_dir *old, struct err *err)
{
    struct run *run = dir->run;
    struct striping striping;
    int rc = 0;

    striping_begin(&striping, run);
    for (size_t i = 0; i < run->plan.nfiles && rc == 0; i++) {
        if (i % DIR_POLL == 0)
            rc = background_poll(&run->ranks, err);
        if (rc == 0 && is_placed(dir, &striping, i))
            rc = twin_check_fresh(run, &run->staging.tree, plan_path(&run->plan, i), err);
        if (rc == 0 && dir->existing.file[i].there)
            rc = place_known(dir, old, i, err);
        /* missing, or existing but not reusable */
        if (rc == 0 && !dir->existing.file[i].there)
            rc = place_fresh(&striping, i, err);
    }
    striping_end(&striping);
    return rc;
}

static bool any_is_there(const struct dir *dir)
{
    for (size_t i = 0; i < dir->run->plan.nfiles; i++)
        if (dir->existing.file[i].there)
            return true;
    return false;
}

static int place_files(struct dir *dir, struct err *err)
{
    struct fs_dir old = { 0 };
    int rc = 0;

    if (any_is_there(dir))
        rc = fs_dir_open(&old, NULL, dir->run->opt.dest, err);
    if (rc == 0)
        rc = place_all(dir, &old, err);
    fs_dir_close(&old);
    return rc;
}

/* For `missing` bytes, and what else is in a tree. */
static int check_space(const struct dir *dir, uint64_t missing, struct err *err)
{
    const struct existing *existing = &dir->existing;
    bool copies = dir->run->opt.no_links;
    uint64_t files = wants_part(dir->run).files - (copies ? 0 : existing->files);

    files = files * (local_metadata_wanted(dir->run) ? 2 : 1) + 16;
    return staging_check_space(dir->run, missing + (copies ? existing->bytes : 0), files,
                               err);
}

static uint64_t bytes_missing(const struct dir *dir)
{
    return wants_part(dir->run).bytes - dir->existing.bytes;
}

/* A plan hashes nothing: what may be there is not certain to be missing. */
static uint64_t bytes_unsure(const struct dir *dir)
{
    const struct plan *plan = &dir->run->plan;
    uint64_t bytes = 0;

    for (size_t i = 0; i < plan->nfiles; i++)
        if (dir->existing.file[i].unsure && wants_file(dir->run, i))
            bytes += plan->files[i].size;
    return bytes;
}

int dir_foresee(const struct dir *dir, struct err *err)
{
    const struct existing *existing = &dir->existing;
    struct run *run = dir->run;
    bool same = existing->unsure > 0 &&
                existing->files + existing->unsure == wants_part(run).files;

    if (existing->unchanged || existing->complete || same || wants_nothing(run))
        return 0;
    if (foresight_open(run, err) < 0)
        return -1;
    return foresight_has_leftovers(run)
               ? 0
               : check_space(dir, bytes_missing(dir) - bytes_unsure(dir), err);
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
        return err_set_why(err, ERR_DEST,
                           dir->dest == LAYOUT_FOREIGN && !run->opt.force
                               ? REASON_NOT_OURS
                               : REASON_NONE,
                           "'%s' %s", run->opt.dest, dir->how.reason);
    return dir->how.step == LAYOUT_FLIP || dir->how.step == LAYOUT_SWAP_LINK
               ? versions_check(&run->staging.parent, run->opt.dest, err)
               : 0;
}

int dir_refresh(struct dir *dir, struct err *err)
{
    enum layout_dest before = dir->dest;

    manifest_release(&dir->manifest);
    if (dir_classify(dir, err) < 0)
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

/* How it is to be made visible, if it is. */
static int prepare_step(struct dir *dir, struct err *err)
{
    struct run *run = dir->run;

    if (wants_nothing(run))
        return 0;
    return choose(dir, err) < 0 || rehearsal_step(run, dir->dest, dir->how.step, err) < 0
               ? -1
               : succession_open(&dir->succession, run, dir->dest == LAYOUT_EMPTY, err);
}

int dir_build(struct dir *dir, struct err *err)
{
    struct run *run = dir->run;

    uint64_t missing =
        resume_missing(run->staging.resume, dir->existing.file, bytes_missing(dir));

    if (check_space(dir, missing, err) < 0 || prepare_step(dir, err) < 0 ||
        make_tree(dir, err) < 0 || local_metadata_write_fixed(run, err) < 0 ||
        write_commit_record(dir, err) < 0 || staging_check_names(run, err) < 0)
        return -1;
    return place_files(dir, err);
}

void dir_release(struct dir *dir)
{
    manifest_release(&dir->manifest);
    hash_note_release(&dir->note);
    trust_release(&dir->trust);
    succession_release(&dir->succession);
    free(dir->existing.file);
    free(dir->version);
    free(dir->before);
    strbuf_release(&dir->old_versions);
    *dir = (struct dir){ 0 };
}
