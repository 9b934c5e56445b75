#include "publish/cache_stage.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "io/hub_env.h"
#include "io/sha256.h"
#include "resume/claim.h"
#include "resume/resume.h"
#include "staging/staging.h"

static int complete_folder(const struct cache *cache, struct err *err)
{
    struct strbuf path = { 0 };
    int rc = -1;

    strbuf_addf(&path, "%s/snapshots", cache->folder);
    if (path.failed)
        err_memory(err, "a path");
    else
        rc = fs_mkdirs(path.data, err);
    strbuf_release(&path);
    return rc;
}

/* A folder without snapshots is a corrupt one to the library, so both come in one step.
 * It is made where the library never looks. */
static int make_folder(const struct cache *cache, struct err *err)
{
    const char *root = cache->run->opt.dest;
    struct strbuf locks = { 0 }, made = { 0 }, path = { 0 };
    struct fs_info info;
    int rc = -1;

    if (fs_look_through(cache->folder, &info, err) < 0)
        return -1;
    if (info.kind == FS_DIRECTORY)
        return 0;
    strbuf_addf(&locks, "%s/.locks", root);
    if (locks.failed || fs_mkdirs(locks.data, err) < 0 ||
        fs_private_dir(locks.data, ".mpifetch-", &made, err) < 0)
        goto out;
    strbuf_addf(&path, "%s/folder", made.data);
    if (path.failed || fs_mkdir(path.data, 0777, err) < 0)
        goto out;
    fs_inherit_group(root, path.data);
    strbuf_adds(&path, "/snapshots");
    if (path.failed || fs_mkdir(path.data, 0777, err) < 0)
        goto out;
    path.data[path.len - strlen("/snapshots")] = '\0';
    rc = fs_rename(path.data, cache->folder, FS_RENAME_ABSENT, err);
    /* The library was faster, which begins with less than this. */
    if (rc < 0 && errno == EEXIST) {
        err_clear(err);
        rc = complete_folder(cache, err);
    }
out:
    if (rc < 0)
        err_memory(err, "a path"); /* where nothing else was the reason */
    if (made.data)
        fs_remove_tree(made.data, NULL);
    strbuf_release(&locks);
    strbuf_release(&made);
    strbuf_release(&path);
    return rc;
}

/* The library's own switch, or a file system that has none. */
static bool without_symlinks(const struct run *run)
{
    struct strbuf path = { 0 };
    bool works;

    if (hub_env_is_on("HF_HUB_DISABLE_SYMLINKS"))
        return true;
    strbuf_addf(&path, "%s/link", run->staging.path);
    works = !path.failed && fs_symlink("tree", path.data, NULL) == 0;
    if (works)
        fs_unlink(path.data, NULL);
    strbuf_release(&path);
    return !works;
}

/* Empty files are made here, and those that several ranks write into. */
static int place_files(const struct cache *cache, struct err *err)
{
    const struct run *run = cache->run;
    struct strbuf path = { 0 };
    int rc = 0;

    for (size_t i = 0; i < run->plan.nfiles && rc == 0; i++) {
        uint64_t size = cache->run->plan.files[i].size;

        if (cache->state[i] != CACHE_FETCH)
            continue;
        strbuf_clear(&path);
        strbuf_addf(&path, "%s/%s", run->staging.tree,
                    plan_text(&run->plan, run->plan.files[i].etag));
        if (path.failed)
            rc = err_memory(err, "a path");
        else if (size == 0)
            rc = fs_write_all(path.data, "", 0, false, false, err);
        else if (!resume_place(run->staging.resume, (uint32_t)i, path.data) &&
                 segments_of(&run->segments, (uint32_t)i) > 1)
            rc = staging_place_large(path.data, size, err);
    }
    strbuf_release(&path);
    return rc;
}

static int check_space(const struct cache *cache, struct err *err)
{
    uint64_t bytes = 0, files = 16;

    for (size_t i = 0; i < cache->run->plan.nfiles; i++) {
        if (cache->state[i] == CACHE_FETCH) {
            bytes += cache->run->plan.files[i].size;
            files++;
        }
        if (cache->state[i] != CACHE_SHOWN)
            files++;
    }
    bytes = resume_missing(cache->run->staging.resume, bytes);
    return staging_check_space(cache->run, cache->run->opt.dest, bytes, files, err);
}

/* The commit and the ref count as well: who waited for another run finds its own ref. */
static int identify(const struct cache *cache, char id[65], struct err *err)
{
    const struct plan *plan = &cache->run->plan;
    struct strbuf text = { 0 };
    uint8_t digest[32];
    int rc = plan_identity(plan, &text, err);

    strbuf_addf(&text, "%s %s\n", plan_text(plan, plan->revision),
                plan_text(plan, plan->ref));
    if (rc == 0 && text.failed)
        rc = err_memory(err, "the plan");
    if (rc == 0) {
        sha256_bytes(text.data, text.len, digest);
        text_hex(id, digest, sizeof(digest));
    }
    strbuf_release(&text);
    return rc;
}

int cache_claim(struct cache *cache, struct err *err)
{
    struct run *run = cache->run;
    char id[65];

    run->layout = RUN_BLOBS;
    if (fs_mkdirs(run->opt.dest, err) < 0 || make_folder(cache, err) < 0 ||
        identify(cache, id, err) < 0)
        return -1;
    return claim_take(run, cache->folder, ".mpifetch-", id, err);
}

int cache_stage(struct cache *cache, struct err *err)
{
    struct run *run = cache->run;

    if (check_space(cache, err) < 0)
        return -1;
    cache->copies = without_symlinks(run);
    if (staging_check_names(run, err) < 0)
        return -1;
    return place_files(cache, err);
}
