#include "publish/reuse.h"

#include <string.h>

#include "io/fs/blocks.h"
#include "io/fs/file_copy.h"
#include "io/fs/fs.h"
#include "ranks/background.h"
#include "staging/local_metadata.h"

enum {
    REUSE_POLL = 1000, /* files between two checks for signals */
    REUSE_TRIES = 3    /* to read a file whose ctime keeps changing */
};

/* The link is to the file that was examined: the old tree may have been replaced since.
 * Making the link changes the ctime; one that was another before is kept, so that
 * reuse_confirm reads the file. */
static bool place_link(const struct run *run, const struct fs_dir *old, const char *path,
                       uint64_t size, struct existing_file *known)
{
    struct fs_info before, info;

    if (fs_look(old, path, &before, NULL) < 0 ||
        fs_link(old, path, &run->staging.tree, path, NULL) < 0 ||
        fs_look(&run->staging.tree, path, &info, NULL) < 0 ||
        !existing_is_still(known, size, &info))
        return false;
    if (before.ctime_ns == known->ctime_ns)
        known->ctime_ns = info.ctime_ns;
    return true;
}

/* What cannot be given is told of the directory, which has it as well, mostly. */
static bool keep_traits(const struct fs_dir *old, const struct fs_dir *tree,
                        const char *path)
{
    struct strbuf lost = { 0 };
    int rc = fs_traits_pass(old, path, tree, path, &lost, NULL);

    strbuf_release(&lost);
    return rc == 0;
}

static int hash(struct run *run, const char *path, uint64_t size, uint8_t digest[32],
                struct err *err)
{
    struct blocks in = { .dir = &run->staging.tree, .name = path, .end = size };
    struct midstate state = midstate_start();
    int rc;

    if (blocks_open(&in, err) < 0)
        return -1;
    while ((rc = blocks_next(&in, err)) > 0) {
        if (in.next == in.end)
            break;
        sha256_blocks(&state, in.bytes, in.len);
        if ((rc = background_poll(&run->ranks, err)) < 0)
            break;
    }
    if (rc >= 0)
        sha256_end(&state, in.bytes, in.len, digest);
    blocks_close(&in);
    return rc < 0 ? -1 : 0;
}

/* What was copied is what was examined if nothing has touched it until now. Somebody who is
 * not believed may have had ways to touch it unseen, so that copy is read. */
static bool place_copy(struct run *run, const struct fs_dir *old, const char *path,
                       uint64_t size, struct existing_file *known)
{
    const struct fs_dir *tree = &run->staging.tree;
    const struct file_copy copy = {
        .from_dir = old, .from = path, .to_dir = tree, .to = path, .len = size
    };
    uint8_t digest[32];
    struct fs_info info;

    if (file_copy(&copy, NULL) < 0 || !keep_traits(old, tree, path) ||
        fs_look(old, path, &info, NULL) < 0 || !existing_is_still(known, size, &info) ||
        info.ctime_ns != known->ctime_ns ||
        fs_set_mtime(tree, path, known->mtime_ns, NULL) < 0 ||
        fs_look(tree, path, &info, NULL) < 0)
        return false;
    existing_note(known, &info);
    if (known->foreign && (hash(run, path, size, digest, NULL) < 0 ||
                           memcmp(digest, known->sha256, sizeof(digest)) != 0))
        return false;
    known->foreign = false; /* the copy is this user's */
    return true;
}

int reuse_place(struct run *run, const struct fs_dir *old, size_t i,
                struct existing_file *known, struct err *err)
{
    const char *path = plan_path(&run->plan, i);
    uint64_t size = run->plan.files[i].size;
    bool good = run->opt.no_links || known->foreign
                    ? place_copy(run, old, path, size, known)
                    : place_link(run, old, path, size, known);

    if (good)
        return local_metadata_write_file(run, (uint32_t)i, err);
    /* It is fetched. A link that was made must be removed, or the fetch would write into
     * the old tree. */
    return fs_unlink(&run->staging.tree, path, err) < 0 ? -1 : 1;
}

/* 1: it is not what was examined. */
static int confirm(struct run *run, size_t i, struct existing_file *known,
                   struct err *err)
{
    const char *path = plan_path(&run->plan, i);
    uint64_t size = run->plan.files[i].size;
    uint8_t digest[32];
    struct fs_info info;

    for (int tries = 0; tries <= REUSE_TRIES; tries++) {
        if (fs_look(&run->staging.tree, path, &info, err) < 0)
            return -1;
        if (!existing_is_still(known, size, &info))
            return 1;
        if (info.ctime_ns == known->ctime_ns)
            return 0;
        known->ctime_ns = info.ctime_ns;
        if (hash(run, path, size, digest, err) < 0)
            return -1;
        if (memcmp(digest, known->sha256, sizeof(digest)) != 0)
            return 1;
    }
    return 1;
}

int reuse_confirm(struct run *run, struct existing_file *existing, struct err *err)
{
    for (size_t i = 0; i < run->plan.nfiles; i++) {
        int rc = (i + 1) % REUSE_POLL == 0 ? background_poll(&run->ranks, err) : 0;

        if (rc == 0 && existing[i].there)
            rc = confirm(run, i, &existing[i], err);
        if (rc < 0)
            return -1;
        if (rc > 0)
            return err_set(err, ERR_INTERRUPTED,
                           "'%s' in '%s' was changed while this run took it over: run "
                           "again, which fetches it",
                           plan_path(&run->plan, i), run->opt.dest);
    }
    return 0;
}
